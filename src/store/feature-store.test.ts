import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digit, pngOf } from '../../test/support/digits.ts'
import { smallCnn } from '../../test/support/small-cnn.ts'
import { FeatureExtractor } from '../cnn/extractor/extractor.ts'
import type { SoftmarginError } from '../core/errors.ts'
import { NdArray, type NdArrayLike } from '../data/nd-array.ts'
import { readNpz, writeNpz } from '../data/npz.ts'
import { frame } from '../host/journal/frames.ts'
import { ModelProtoSchema } from '../onnx/proto/onnx.ts'
import { toBinary } from '../onnx/proto/write-message.ts'
import { FeatureStore, type StoreProgress } from './feature-store.ts'

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

/** Fails on any warning. */
function fail(message: string): void {
  throw new Error(message)
}

/** Counts the images that an extractor processes while `work` runs. */
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
  it('returns what the extractor returns, and extracts each image once', async () => {
    const store = FeatureStore.inMemory()
    const wanted = await extractor.extract(images)
    const count = await countExtracted(async (counting) => {
      expect((await store.extract(counting, images, { labels })).data).toEqual(wanted.data)
      // In another order, with one image twice and one that is new.
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

  it('survives a restart with names and labels, and saves a NumPy file', async () => {
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

  it('reports how many images it already had', async () => {
    const store = FeatureStore.inMemory()
    await store.extract(extractor, images.slice(0, 3))
    const reported: [number, number][] = []
    const onProgress = ({ done, known }: StoreProgress) => reported.push([done, known])
    await store.extract(extractor, images, { batchSize: 2, onProgress })
    expect(reported).toEqual([2, 4, 6, 8, 9].map((done) => [done, Math.min(done, 3)]))
  })

  it('loses at most the running batch when the process is killed', async () => {
    const path = join(folder, 'crash.npz')
    const store = await FeatureStore.open(path)
    const stop = new AbortController()
    const call = store.extract(extractor, images, {
      batchSize: 2,
      signal: stop.signal,
      onProgress: ({ done }) => done === 4 && stop.abort(),
    })
    await expect(call).rejects.toMatchObject({ code: 'ABORTED' })
    store.dispose()
    // Nothing has been saved, so there is only the journal. A crash left a partial record.
    expect(existsSync(path)).toBe(false)
    appendFileSync(`${path}.journal`, frame(new Uint8Array(200)).subarray(0, 70))
    const back = await FeatureStore.open(path, { onWarning: fail })
    expect(back.size).toBe(4)
    expect(await countExtracted((counting) => back.extract(counting, images))).toBe(5)
    back.dispose()
    // Some file systems leave zeros.
    const sizes = [4, 20, 4096]
    for (const [i, zeros] of sizes.entries()) {
      appendFileSync(`${path}.journal`, new Uint8Array(zeros))
      using store = await FeatureStore.open(path, { onWarning: fail })
      expect(store.features.select([...images.keys()])).toEqual(back.features)
      await store.extract(extractor, [digit(7, i)])
    }
    using last = await FeatureStore.open(path, { onWarning: fail })
    expect(last.size).toBe(9 + sizes.length)
  })

  it('reports damaged records and reads the intact ones before and after them', async () => {
    const path = join(folder, 'damaged.npz')
    using store = await FeatureStore.open(path)
    await store.extract(extractor, images.slice(0, 6), { batchSize: 1 })
    store.dispose()
    const journal = readFileSync(`${path}.journal`)
    const length = journal.length / 6
    for (const [name, from, to] of [
      ['a record of zeros', 2 * length, 3 * length],
      ['a header of zeros', 2 * length, 2 * length + 20],
      ['another length', 2 * length + 8, 2 * length + 9],
      ['a byte of a record', 2.5 * length, 2.5 * length + 1],
      ['the last record', 5 * length + 30, 6 * length],
    ] as const) {
      const damaged = Uint8Array.from(journal)
      damaged.subarray(from, to).fill(0)
      if (to - from === 1) damaged[from] = journal[from] ^ 1
      writeFileSync(`${path}.journal`, damaged)
      const reported: string[] = []
      const back = await FeatureStore.open(path, { onWarning: (message) => reported.push(message) })
      const isLast = name === 'the last record'
      expect(back.size, name).toBe(5)
      expect(reported, name).toHaveLength(1)
      expect(reported[0]).toContain(
        isLast ? '5 intact records before them and 0 after' : '2 intact records before them and 3 after',
      )
      // The store continues after the damage, and the lost images are extracted again.
      expect(await countExtracted((counting) => back.extract(counting, images, { batchSize: 2 }))).toBe(4)
      back.dispose()
      const again = await FeatureStore.open(path, { onWarning: () => {} })
      expect(again.size, name).toBe(9)
      const setAside = () =>
        readdirSync(folder).filter((file) => file.startsWith('damaged.npz.journal.damaged-'))
      expect(setAside()).toEqual([])
      await again.save()
      expect(setAside()).toHaveLength(1)
      rmSync(join(folder, setAside()[0]))
      const last = await FeatureStore.open(path, { onWarning: fail })
      expect(last.size).toBe(9)
      await expect(FeatureStore.remove(path)).rejects.toMatchObject({ code: 'FILE_LOCKED' })
      last.dispose()
      await FeatureStore.remove(path)
    }
  })

  it('keeps features that are extracted during a save', async () => {
    const path = join(folder, 'saved meanwhile.npz')
    const store = await FeatureStore.open(path)
    await store.extract(extractor, images.slice(0, 2))
    let saving: Promise<void>[] = []
    const onProgress = () => saving.push(store.save())
    const extracting = store.extract(extractor, images, { batchSize: 1, onProgress })
    saving.push(store.save())
    await extracting
    await Promise.all(saving)
    store.dispose()
    using back = await FeatureStore.open(path, { onWarning: fail })
    expect(back.size).toBe(9)
    saving = [back.save()]
    // The same for labels.
    await back.extract(extractor, images, {
      labels,
      batchSize: 2,
      onProgress: () => saving.push(back.save()),
    })
    await Promise.all(saving)
    back.dispose()
    using last = await FeatureStore.open(path, { onWarning: fail })
    expect(last.labels).toEqual(labels)
  })

  it('keeps labels that are added later, without a save', async () => {
    const path = join(folder, 'labelled later.npz')
    using store = await FeatureStore.open(path)
    await store.extract(extractor, images.slice(0, 4))
    await store.extract(extractor, images.slice(0, 4), { labels: ['a', 2, 'c', 0.1] })
    await store.extract(extractor, [images[2]], { labels: [3] })
    store.dispose()
    using back = await FeatureStore.open(path)
    expect(back.labels).toEqual(['a', 2, 3, 0.1])
  })

  it("returns labels with their type, and '' for unlabelled images", async () => {
    const path = join(folder, 'labels.npz')
    const given = [
      [1, 2, 3],
      [1, '', -2.5],
      ['1', 1, ''],
      [0, '0', 'zero'],
      ['a', 'b', ''],
      [1e21, '1e21', -5e-324],
      ['', '', ''],
    ]
    for (const some of given) {
      await FeatureStore.remove(path)
      const store = await FeatureStore.open(path)
      await store.extract(extractor, images.slice(0, 3), { labels: some, batchSize: 2 })
      store.dispose()
      const journalled = await FeatureStore.open(path)
      expect(journalled.labels).toEqual(some)
      await journalled.save()
      using saved = await FeatureStore.open(path)
      expect(saved.labels).toEqual(some)
      expect((await FeatureStore.fromNpz(saved.toNpz())).labels).toEqual(some)
    }
    const store = FeatureStore.inMemory()
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, true, null, {}, 'a\0', 3n]) {
      const call = store.extract(extractor, images.slice(0, 2), { labels: ['a', wrong as string] })
      await expect(call).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', argument: 'labels[1]' })
    }
    expect(store.size).toBe(0)
  })

  it('can be open in one place at a time, and stays usable after a save', async () => {
    const path = join(folder, 'one place.npz')
    const first = await FeatureStore.open(path)
    const locked = { code: 'FILE_LOCKED', argument: 'path', received: path }
    await expect(FeatureStore.open(path)).rejects.toMatchObject(locked)
    await expect(FeatureStore.open(path)).rejects.toThrow(
      new RegExp(`process ${process.pid} .*which is this one`),
    )
    await expect(FeatureStore.remove(path)).rejects.toMatchObject(locked)
    await first.extract(extractor, images.slice(0, 2))
    await first.save()
    const second = await FeatureStore.open(path)
    expect(second.size).toBe(2)
    await expect(first.extract(extractor, [images[3]])).rejects.toMatchObject(locked)
    // What is in memory can be read without the file.
    expect((await first.extract(extractor, [images[0]])).rows).toBe(1)
    await second.save()
    await first.extract(extractor, [images[3]])
    await expect(second.extract(extractor, [images[4]])).rejects.toMatchObject(locked)
    first.dispose()
    await expect(second.extract(extractor, [images[4]])).rejects.toMatchObject({ code: 'FILE_CHANGED' })
    await expect(first.extract(extractor, [images[4]])).rejects.toMatchObject({ code: 'DISPOSED' })
    await expect(first.save()).rejects.toMatchObject({ code: 'DISPOSED' })
    expect(first.size).toBe(3)
    using third = await FeatureStore.open(path)
    expect(third.size).toBe(3)
  })

  it('does not mix the features of two extractors', async () => {
    const path = join(folder, 'two extractors.npz')
    using store = await FeatureStore.open(path)
    using other = await FeatureExtractor.create({ ...options, pooling: 'max' })
    const results = await Promise.allSettled([
      store.extract(extractor, images.slice(0, 3)),
      store.extract(other, images.slice(3, 6)),
    ])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    store.dispose()
    using back = await FeatureStore.open(path)
    expect(back.size).toBe(3)
  })

  it('reports a missing folder before any work', async () => {
    const wanted = { code: 'FILE_UNWRITABLE' }
    await expect(FeatureStore.open(join(folder, 'nowhere/a.npz'))).rejects.toMatchObject(wanted)
  })

  it('rejects a file of an earlier version and says so', async () => {
    const store = FeatureStore.inMemory()
    await store.extract(extractor, images.slice(0, 1))
    const arrays = await readNpz(store.toNpz())
    const about = JSON.stringify({ ...JSON.parse((arrays.about.data as string[])[0]), schemaVersion: 1 })
    const npz = writeNpz({ ...arrays, about: [about] })
    const path = join(folder, 'earlier.npz')
    writeFileSync(path, npz)
    const wanted = { code: 'DATA_UNREADABLE', message: expect.stringMatching(/earlier/) }
    await expect(FeatureStore.open(path)).rejects.toMatchObject(wanted)
    rmSync(path)
    writeFileSync(`${path}.journal`, Buffer.concat([Buffer.from(Uint32Array.of(npz.length).buffer), npz]))
    await expect(FeatureStore.open(path)).rejects.toMatchObject(wanted)
    expect(existsSync(`${path}.lock`)).toBe(false)
  })

  it('names unreadable images each time they occur', async () => {
    const broken = new Uint8Array(7)
    const missing = join(folder, 'missing.png')
    const asked = [images[0], broken, images[1], missing, broken]
    const store = FeatureStore.inMemory()
    const reported: [number, string, string][] = []
    const rows = await store.extract(extractor, asked, {
      onUnreadable: (index, { code, message }) => reported.push([index, code, message]),
    })
    expect(rows).toEqual(await extractor.extract([images[0], images[1]]))
    expect(reported.map(([index, code]) => [index, code]).sort()).toEqual([
      [1, 'IMAGE_UNREADABLE'],
      [3, 'FILE_UNREADABLE'],
      [4, 'IMAGE_UNREADABLE'],
    ])
    for (const [index, , message] of reported) expect(message).toContain(`images[${index}]`)
    await expect(store.extract(extractor, asked)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
    await expect(store.extract(extractor, [broken])).rejects.toThrow(/^images\[0\] must be /)
    await expect(store.extract(extractor, [broken], { onUnreadable: () => {} })).rejects.toThrow(
      /none of the 1/,
    )
    expect(store.size).toBe(2)
  })

  it.each<[string, object, RegExp]>([
    ['another layer', { layer: 'conv' }, /their layer is map, but the extractor's is convolved$/],
    ['another pooling', { pooling: 'max' }, /their pooling is \{"grid":2\}, but the extractor's is "max"$/],
    ['another preprocessing', { preprocess: { size: 16 } }, /their preprocess is /],
    ['other weights', { model: otherWeights() }, /a network with other weights$/],
  ])('rejects %s and says what differs', async (_, change, message) => {
    const store = FeatureStore.inMemory()
    await store.extract(extractor, images.slice(0, 2))
    using other = await FeatureExtractor.create({ ...options, ...change })
    const error: SoftmarginError = await store.extract(other, images).catch((thrown) => thrown)
    expect(error.code).toBe('FEATURES_MISMATCH')
    expect(error.message).toMatch(message)
    using same = await FeatureExtractor.create(options)
    expect((await store.extract(same, images.slice(0, 2))).rows).toBe(2)
  })

  it('rejects invalid files', async () => {
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
      edited({ schemaVersion: 3 }),
      { numericLabels: [true] },
      { numericLabels: [1, 2, 3] },
      { labels: ['', '', ''], numericLabels: [true, false, false] },
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
