import { afterEach, describe, expect, it, vi } from 'vitest'
import { layeredCnn, layeredCnnBytes, seeded } from '../../../test/support/layered-cnn.ts'
import { dynamicCnn } from '../../../test/support/model-kinds.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { RawImage } from '../../image/image-input.ts'
import { node } from '../../onnx/graph/nodes.ts'
import { ModelProtoSchema } from '../../onnx/proto/onnx.ts'
import { toBinary } from '../../onnx/proto/write-message.ts'
import { type ExtractorOptions, FeatureExtractor } from '../extractor/extractor.ts'
import { Session } from '../ort/session.ts'

const [width, height] = [12, 8]
const preprocess = { size: { width, height }, mean: [0, 0, 0], std: [1, 1, 1] }

function pictures(count: number, from = 0): RawImage[] {
  return Array.from({ length: count }, (_, i) => {
    const data = Uint8Array.from(seeded(width * height * 3, from + i), (x) => Math.floor((x + 1) * 127.9))
    return { data, width, height, channels: 3 }
  })
}

const make = (options: ExtractorOptions = {}) =>
  FeatureExtractor.create({
    model: layeredCnnBytes(),
    preprocess,
    layer: 'relu',
    runtime: 'onnxruntime',
    ...options,
  })

/** Records the sizes of the batches that run from now on, and the turn of the event loop in which each runs. */
function watchRuns(): { size: number; turn: number }[] {
  const seen: { size: number; turn: number }[] = []
  let turn = 0
  const tick = () => {
    turn++
    if (isWatching) setImmediate(tick)
  }
  let isWatching = true
  setImmediate(tick)
  const run = Session.prototype.run
  const spy = vi.spyOn(Session.prototype, 'run').mockImplementation(function (this: Session, ...inputs) {
    seen.push({ size: inputs[2][0], turn })
    return run.apply(this, inputs)
  })
  endings.push(() => {
    isWatching = false
    spy.mockRestore()
  })
  return seen
}

const endings: (() => void)[] = []
afterEach(() => {
  for (const end of endings.splice(0)) end()
})

/** The rows of each picture, extracted one call after the other. */
async function alone(extractor: FeatureExtractor, images: RawImage[]): Promise<Float32Array[]> {
  const rows: Float32Array[] = []
  for (const image of images) rows.push((await extractor.extract([image])).data)
  return rows
}

describe('concurrent calls', () => {
  it('share batches, one per turn of the event loop, and get the same bits as alone', async () => {
    using extractor = await make()
    const images = pictures(50)
    const wanted = await alone(extractor, images)
    const runs = watchRuns()
    const features = await Promise.all(images.map((image) => extractor.extract([image])))
    expect(features.map(({ data }) => data)).toEqual(wanted)
    expect(runs.map(({ size }) => size)).toEqual([8, 8, 8, 8, 8, 8, 2])
    expect(new Set(runs.map(({ turn }) => turn)).size).toBe(runs.length)
  })

  it('let other work run between batches, also between those of one long call', async () => {
    using extractor = await make()
    const runs = watchRuns()
    await extractor.extract(pictures(40))
    expect(runs.map(({ size }) => size)).toEqual([8, 8, 8, 8, 8])
    expect(new Set(runs.map(({ turn }) => turn)).size).toBe(5)
  })

  it('take turns: a short call does not wait for a long one', async () => {
    using extractor = await make()
    const order: string[] = []
    const long = extractor.extract(pictures(200)).then(() => order.push('long'))
    const short = pictures(20, 500).map((image, i) =>
      extractor.extract([image]).then(() => order.push(`${i}`)),
    )
    await Promise.all([long, ...short])
    expect(order).toEqual([...short.keys()].map(String).concat('long'))
  })

  it('of several extractors take turns too', async () => {
    using first = await make()
    using second = await make({ layer: 'features' })
    const runs = watchRuns()
    const order: string[] = []
    await Promise.all([
      first.extract(pictures(200)).then(() => order.push('long')),
      second.extract(pictures(30)).then(() => order.push('short')),
      second.extractLayers(pictures(10), [{ layer: 'relu' }]).then(() => order.push('layers')),
    ])
    expect(order.at(-1)).toBe('long')
    expect(new Set(runs.map(({ turn }) => turn)).size).toBe(runs.length)
  })

  it('fail separately: a broken image, an abort, a callback that throws', async () => {
    using extractor = await make()
    const images = pictures(24)
    const wanted = await alone(extractor, images)
    const controller = new AbortController()
    const throwing = () => {
      throw new RangeError('mine')
    }
    const calls = images.map((image, i): Promise<Matrix> => {
      if (i === 3) return extractor.extract([image, new TextEncoder().encode('no picture')])
      if (i === 7) return extractor.extract([image, ...pictures(30)], { signal: controller.signal })
      if (i === 9) return extractor.extract([image], { onProgress: throwing })
      if (i === 11) return extractor.extract(['no/such.png'], { onUnreadable: throwing })
      return extractor.extract([image], i === 5 ? { onProgress: () => controller.abort() } : {})
    })
    const ended = await Promise.allSettled(calls)
    for (const [i, one] of ended.entries()) {
      if (one.status === 'fulfilled') expect(one.value.data).toEqual(wanted[i])
    }
    const errors = ended.flatMap((one, i) => (one.status === 'rejected' ? [[i, one.reason]] : []))
    expect(errors).toMatchObject([
      [3, { code: 'IMAGE_UNREADABLE', argument: 'images[1]' }],
      [7, { code: 'ABORTED' }],
      [9, { message: 'mine' }],
      [11, { message: 'mine' }],
    ])
    expect((await extractor.extract([images[0]])).data).toEqual(wanted[0])
  })

  it('of any size keep the order, progress and skipped images they would have alone', async () => {
    using extractor = await make()
    const random = seeded(400, 77)
    let at = 0
    const below = (most: number) => Math.floor(((random[at++ % random.length] + 1) / 2) * most * 0.9999)
    for (let round = 0; round < 12; round++) {
      const calls = Array.from({ length: 1 + below(12) }, () => {
        const images = pictures(1 + below(20), below(900))
        const broken = new Set(Array.from({ length: below(3) }, () => below(images.length)))
        const batchSize = below(2) ? 1 + below(12) : undefined
        return { images, broken, batchSize, abortAt: below(5) ? undefined : below(images.length) }
      })
      await Promise.all(
        calls.map(async ({ images, broken, batchSize, abortAt }) => {
          const reported: number[] = []
          const progress: number[] = []
          const controller = new AbortController()
          const inputs = images.map((image, i) => (broken.has(i) ? Uint8Array.of(1, 2, 3) : image))
          const call = extractor.extract(inputs, {
            batchSize,
            signal: controller.signal,
            onUnreadable: (index) => reported.push(index),
            onProgress: ({ done, total }) => {
              expect(total).toBe(images.length)
              progress.push(done)
              if (abortAt !== undefined && done > abortAt) controller.abort()
            },
          })
          const kept = images.filter((_, i) => !broken.has(i))
          const features = await call.catch((error) => error)
          expect(progress).toEqual([...new Set(progress)].sort((a, b) => a - b))
          if (abortAt !== undefined) return expect(features).toMatchObject({ code: 'ABORTED' })
          if (kept.length === 0) return expect(features).toMatchObject({ code: 'IMAGE_UNREADABLE' })
          expect(reported).toEqual([...broken].sort((a, b) => a - b))
          expect(progress.at(-1)).toBe(images.length)
          const wanted = await alone(extractor, kept)
          expect([...Array(features.rows).keys()].map((row) => features.row(row))).toEqual(wanted)
        }),
      )
    }
  })

  it('whose batch does not fit in memory end, and later ones run without their images', async () => {
    using extractor = await make()
    const images = pictures(10)
    const wanted = await alone(extractor, images.slice(0, 2))
    const single = globalThis.Float32Array
    vi.stubGlobal(
      'Float32Array',
      class extends single {
        constructor(length: number) {
          if (length > 4 * width * height * 3) throw new RangeError('Array buffer allocation failed')
          super(length)
        }
      },
    )
    endings.push(() => vi.unstubAllGlobals())
    await expect(extractor.extract(images, { batchSize: 8 })).rejects.toMatchObject({
      code: 'OUT_OF_MEMORY',
      argument: 'batchSize',
    })
    vi.unstubAllGlobals()
    const runs = watchRuns()
    const features = await extractor.extract(images.slice(0, 2))
    expect([features.row(0), features.row(1)]).toEqual(wanted)
    expect(runs.map(({ size }) => size)).toEqual([2])
  })

  it('throw DISPOSED when the extractor is disposed of', async () => {
    const extractor = await make()
    const calls = pictures(30).map((image) => extractor.extract([image]))
    extractor.dispose()
    const outcomes = await Promise.allSettled(calls)
    expect(outcomes).toMatchObject(calls.map(() => ({ status: 'rejected', reason: { code: 'DISPOSED' } })))
  })
})

describe('networks whose images affect each other within a batch', () => {
  it('dynamically quantised: a result does not depend on the other images or the batch size', async () => {
    const model = toBinary(ModelProtoSchema, dynamicCnn())
    using extractor = await make({ model, layer: 'logits' })
    const images = pictures(20).map((image, i) => {
      return { ...image, data: image.data.map((value) => value / (1 + (i % 4))) }
    })
    const wanted = await alone(extractor, images)
    const together = await Promise.all(images.map((image) => extractor.extract([image])))
    expect(together.map(({ data }) => data)).toEqual(wanted)
    for (const batchSize of [undefined, 1, 3, 20]) {
      const all = await extractor.extract(images, { batchSize })
      expect(images.map((_, i) => all.row(i))).toEqual(wanted)
    }
  })

  it('a matrix product at the end: the same bits for any number of images', async () => {
    using extractor = await make({ layer: 'logits' })
    const images = pictures(20)
    const wanted = await alone(extractor, images)
    for (const batchSize of [2, 3, 4, 5, 6, 7, 8, 13]) {
      const all = await extractor.extract(images, { batchSize })
      expect(images.map((_, i) => all.row(i))).toEqual(wanted)
    }
  })

  it('that accept a single image: concurrent calls get the same results as alone', async () => {
    const mix = node('mix', 'Gemm', ['features', 'features'], ['mixed'], { transB: 1n })
    const model = toBinary(ModelProtoSchema, layeredCnn({ moreNodes: [mix] }))
    using extractor = await make({ model, layer: 'mixed' })
    const images = pictures(20)
    const wanted = await alone(extractor, images)
    const together = await Promise.all(images.map((image) => extractor.extract([image])))
    expect(together.map(({ data }) => data)).toEqual(wanted)
    await expect(extractor.extract(images)).rejects.toThrow(`layer 'mixed' must return`)
  })
})
