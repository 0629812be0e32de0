import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toBinary } from '@bufbuild/protobuf'
import { ModelProtoSchema } from 'onnx-buf'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digit, pngOf } from '../../test/support/digits.ts'
import { smallCnn } from '../../test/support/small-cnn.ts'
import { FeatureExtractor } from '../cnn/extractor.ts'
import { NdArray, type NdArrayLike } from '../data/nd-array.ts'
import { readNpz, writeNpz } from '../data/npz.ts'
import type { SoftmarginError } from '../errors.ts'
import { FeatureStore } from './feature-store.ts'

const options = {
  model: toBinary(ModelProtoSchema, smallCnn()),
  pooling: { grid: 2 },
  preprocess: { size: 12 },
}
const images = Array.from({ length: 9 }, (_, i) => digit(i % 3, i))
const labels = images.map((_, i) => `digit ${i % 3}`)

let folder: string
let extractor: FeatureExtractor
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
  extractor = await FeatureExtractor.create(options)
})
afterAll(() => {
  extractor.dispose()
  rmSync(folder, { recursive: true })
})

/** How many images an extractor is asked for while something runs. */
async function countExtracted(work: (counting: FeatureExtractor) => Promise<unknown>): Promise<number> {
  let count = 0
  const counting = await FeatureExtractor.create(options)
  const extract = counting.extract.bind(counting)
  counting.extract = async (list, o) => {
    count += list.length
    return extract(list, o)
  }
  await work(counting)
  counting.dispose()
  return count
}

describe('FeatureStore', () => {
  it('answers what the extractor answers, and extracts each image once', async () => {
    const store = FeatureStore.inMemory()
    const wanted = await extractor.extract(images)
    const count = await countExtracted(async (counting) => {
      expect((await store.extract(counting, images, { labels })).data).toEqual(wanted.data)
      // In another order, one of them twice, and one that is new.
      const again = await store.extract(counting, [images[4], images[0], images[4], digit(7, 0)])
      expect(again.row(0)).toEqual(wanted.row(4))
      expect(again.row(1)).toEqual(wanted.row(0))
      expect(again.row(2)).toEqual(wanted.row(4))
    })
    expect(count).toBe(10)
    expect(store.size).toBe(10)
    expect(store.features.select([...images.keys()])).toEqual(wanted)
    expect(store.labels).toEqual([...labels, ''])
  })

  it('survives a restart, with names and labels, and is a NumPy file', async () => {
    const path = join(folder, 'kept.npz')
    const picture = join(folder, 'zéro.png')
    writeFileSync(picture, await pngOf(digit(0, 0)))
    const store = await FeatureStore.open(path)
    await store.extract(extractor, [picture, new Blob([Buffer.from(await pngOf(digit(1, 0)))])], {
      labels: [0, 1],
    })
    await store.save()
    expect(existsSync(`${path}.journal`)).toBe(false)
    const back = await FeatureStore.open(path)
    expect(back.names).toEqual([picture, ''])
    expect(back.labels).toEqual([0, 1])
    expect(back.features).toEqual(store.features)
    expect(back.toNpz()).toEqual(new Uint8Array(readFileSync(path)))
    const { X, names } = await readNpz(path)
    expect(X.shape).toEqual([2, extractor.featureSize])
    expect(names.data).toEqual([picture, ''])
    expect(await countExtracted((counting) => back.extract(counting, [picture]))).toBe(0)
  })

  it('loses at most the batch that was running when it ended', async () => {
    const path = join(folder, 'crash.npz')
    const store = await FeatureStore.open(path)
    const stop = new AbortController()
    const call = store.extract(extractor, images, {
      batchSize: 2,
      signal: stop.signal,
      onProgress: ({ done }) => done === 4 && stop.abort(),
    })
    await expect(call).rejects.toMatchObject({ code: 'ABORTED' })
    // Nothing was saved: the journal is all there is. A crash left a part of a record.
    expect(existsSync(path)).toBe(false)
    appendFileSync(`${path}.journal`, Uint8Array.of(200, 0, 0, 0, 80, 75))
    const back = await FeatureStore.open(path)
    expect(back.size).toBe(4)
    expect(await countExtracted((counting) => back.extract(counting, images))).toBe(5)
    expect((await FeatureStore.open(path)).size).toBe(9)
    // Zeros are what some file systems leave.
    appendFileSync(`${path}.journal`, new Uint8Array(4))
    expect((await FeatureStore.open(path)).features).toEqual((await FeatureStore.open(path)).features)
    expect((await FeatureStore.open(path)).size).toBe(9)
  })

  it('names the images that cannot be read, each time they come', async () => {
    const broken = new Uint8Array(7)
    const missing = join(folder, 'missing.png')
    const asked = [images[0], broken, images[1], missing, broken]
    const store = FeatureStore.inMemory()
    const told: [number, string, string][] = []
    const rows = await store.extract(extractor, asked, {
      onUnreadable: (index, { code, message }) => told.push([index, code, message]),
    })
    expect(rows).toEqual(await extractor.extract([images[0], images[1]]))
    expect(told.map(([index, code]) => [index, code]).sort()).toEqual([
      [1, 'IMAGE_UNREADABLE'],
      [3, 'FILE_UNREADABLE'],
      [4, 'IMAGE_UNREADABLE'],
    ])
    for (const [index, , message] of told) expect(message).toContain(`images[${index}]`)
    await expect(store.extract(extractor, asked)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
    await expect(store.extract(extractor, [broken])).rejects.toThrow(/^images\[0\] must be /)
    await expect(store.extract(extractor, [broken], { onUnreadable: () => {} })).rejects.toThrow(
      /none of the 1/,
    )
    expect(store.size).toBe(2)
  })

  it.each<[string, object, RegExp]>([
    ['another layer', { layer: 'conv' }, /their layer is map, the extractor's convolved$/],
    ['another pooling', { pooling: 'max' }, /their pooling is \{"grid":2\}, the extractor's "max"$/],
    ['another preprocessing', { preprocess: { size: 16 } }, /their preprocess is /],
    ['other weights', { model: otherWeights() }, /a network with other weights$/],
  ])('refuses %s, and says what differs', async (_, change, message) => {
    const store = FeatureStore.inMemory()
    await store.extract(extractor, images.slice(0, 2))
    using other = await FeatureExtractor.create({ ...options, ...change })
    const error: SoftmarginError = await store.extract(other, images).catch((thrown) => thrown)
    expect(error.code).toBe('FEATURES_MISMATCH')
    expect(error.message).toMatch(message)
    using same = await FeatureExtractor.create(options)
    expect((await store.extract(same, images.slice(0, 2))).rows).toBe(2)
  })

  it('refuses what is not sound', async () => {
    const store = FeatureStore.inMemory()
    await store.extract(extractor, images.slice(0, 3), { labels: [1, 2, 3] })
    const sound = await readNpz(store.toNpz())
    expect((await FeatureStore.fromNpz(writeNpz(sound))).labels).toEqual([1, 2, 3])
    const about = JSON.parse((sound.about.data as string[])[0])
    const edited = (change: object) => ({ about: [JSON.stringify({ ...about, ...change })] })
    const changes: Record<string, NdArrayLike>[] = [
      { X: new Float32Array(3) },
      { X: sound.names },
      {
        X: new NdArray(
          (sound.X.data as Float32Array).map(() => Number.NaN),
          sound.X.shape,
        ),
      },
      { names: ['a'] },
      { keys: [1, 2, 3] },
      { labels: ['a', 'b'] },
      { about: ['{'] },
      { about: ['null'] },
      { about: [] as string[] },
      edited({ schemaVersion: 2 }),
      edited({ fingerprint: 7 }),
      edited({ featureSize: -1 }),
      edited({ featureSize: 5 }),
    ]
    for (const change of changes) {
      const arrays = { ...sound, ...change }
      await expect(FeatureStore.fromNpz(writeNpz(arrays))).rejects.toMatchObject({ code: 'DATA_UNREADABLE' })
    }
    await expect(FeatureStore.fromNpz(new Uint8Array(100))).rejects.toMatchObject({ code: 'DATA_UNREADABLE' })
    expect(() => FeatureStore.inMemory().toNpz()).toThrow(expect.objectContaining({ code: 'EMPTY_INPUT' }))
    await expect(FeatureStore.open(folder)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
  })
})

function otherWeights(): Uint8Array {
  const model = smallCnn()
  for (const tensor of model.graph!.initializer) tensor.rawData = tensor.rawData.slice().reverse()
  for (const tensor of model.graph!.initializer) tensor.floatData = [...tensor.floatData].reverse()
  return toBinary(ModelProtoSchema, model)
}
