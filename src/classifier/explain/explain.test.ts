import { beforeAll, describe, expect, it } from 'vitest'
import { layeredCnnBytes } from '../../../test/support/layered-cnn.ts'
import { smallVit } from '../../../test/support/small-vit.ts'
import { FeatureExtractor } from '../../cnn/extractor/extractor.ts'
import { Matrix } from '../../core/matrix.ts'
import { Random } from '../../core/random.ts'
import type { RawImage } from '../../image/image-input.ts'
import { node } from '../../onnx/graph/nodes.ts'
import { ModelProtoSchema } from '../../onnx/proto/onnx.ts'
import { toBinary } from '../../onnx/proto/write-message.ts'
import { ImageClassifier } from '../image-classifier.ts'
import type { Explanation } from './explain.ts'
import { networkPicture } from './network-picture.ts'

type Corner = 'upper left' | 'lower right'

/** A grey picture with a little noise and a chessboard or stripes in one corner. */
function cornered(kind: string, corner: Corner, seed: number, side = 32): RawImage {
  const random = new Random(seed)
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side)]
    const noise = 120 + random.below(16)
    const isUpperLeft = x < side / 2 && y < side / 2
    const isLowerRight = x >= side / 2 && y >= side / 2
    if (corner === 'upper left' ? !isUpperLeft : !isLowerRight) return noise
    const isOn = { chess: (x >> 2) + (y >> 2), stripes: y >> 1, bars: x >> 1 }[kind]! % 2
    return noise / 2 + (isOn ? 120 : 0)
  })
  return { data, width: side, height: side, channels: 3 }
}

const corners: Corner[] = ['upper left', 'lower right']

function set(kinds: string[], each: number, from = 0) {
  const images: RawImage[] = []
  const labels: string[] = []
  for (const [k, kind] of kinds.entries()) {
    for (let i = 0; i < each; i++) {
      images.push(cornered(kind, corners[i % 2], from + 1000 * k + i))
      labels.push(kind)
    }
  }
  return { images, labels }
}

/** The mean of a map within a corner, and outside of it. */
function means({ map }: Explanation, corner: Corner): { inside: number; outside: number } {
  const sums = { inside: 0, outside: 0 }
  for (let y = 0; y < map.rows; y++) {
    for (let x = 0; x < map.cols; x++) {
      const isUpperLeft = x < map.cols / 2 && y < map.rows / 2
      const isLowerRight = x >= map.cols / 2 && y >= map.rows / 2
      const isInside = corner === 'upper left' ? isUpperLeft : isLowerRight
      sums[isInside ? 'inside' : 'outside'] += map.row(y)[x]
    }
  }
  const area = map.rows * map.cols
  return { inside: sums.inside / (area / 4), outside: sums.outside / ((area * 3) / 4) }
}

const { images, labels } = set(['chess', 'stripes', 'bars'], 16)
const [one] = set(['chess'], 1, 90_000).images

describe.each([
  ['standardised features', { scale: 'standard' }],
  ['raw features', { scale: 'none' }],
  ['features of the mirror image too', { extractor: { mirror: true } }],
  ['a map of the mirror image too', { extractor: { mirror: true, layer: 'stage3' } }],
  ['features of shifted images too', { extractor: { mirror: true, shift: 1 / 16 } }],
] as const)('explain, with %s', (_, options) => {
  let classifier: ImageClassifier
  beforeAll(async () => {
    classifier = await (await ImageClassifier.create(options)).fit(images, labels)
  })

  it.each(['occlusion', 'layer'] as const)(
    'finds the part that made the decision, with %s',
    async (method) => {
      for (const [k, kind] of ['chess', 'stripes', 'bars'].entries()) {
        for (const corner of corners) {
          const image = cornered(kind, corner, 50_000 + k)
          const explanation = await classifier.explain(image, { method })
          expect(explanation.label).toBe(kind)
          expect(explanation.score).toBeGreaterThan(0)
          const { inside, outside } = means(explanation, corner)
          expect(inside).toBeGreaterThan(0)
          expect(inside).toBeGreaterThan(Math.abs(outside))
        }
      }
    },
    30_000,
  )
})

describe('explain', () => {
  it('describes another label, from the same decision values', async () => {
    using classifier = await ImageClassifier.create()
    await classifier.fit(images, labels)
    const pairs = (await classifier.decisionFunction([one], { shape: 'ovo' })).row(0)
    expect(classifier.classes).toEqual(['bars', 'chess', 'stripes'])
    for (const [label, score] of [
      ['bars', (pairs[0] + pairs[1]) / 2],
      ['chess', (pairs[2] - pairs[0]) / 2],
      ['stripes', (-pairs[1] - pairs[2]) / 2],
    ] as const) {
      const explanation = await classifier.explain([...[one]][0], { label })
      expect(explanation).toMatchObject({ label, score: expect.closeTo(score, 6) })
    }
    expect(means(await classifier.explain(one, { label: 'bars' }), 'upper left').inside).toBeLessThan(0)
  })

  it('of two classes is one map and its negative', async () => {
    const two = set(['chess', 'bars'], 12)
    using classifier = await ImageClassifier.create()
    await classifier.fit(two.images, two.labels)
    for (const method of ['occlusion', 'layer'] as const) {
      const [a, b] = [
        await classifier.explain(one, { method, label: 'chess' }),
        await classifier.explain(one, { method, label: 'bars' }),
      ]
      expect(b.score).toBe(-a.score)
      for (const [i, value] of a.map.data.entries()) expect(b.map.data[i]).toBeCloseTo(-value, 5)
    }
  })

  it.each([{}, { mirror: true, shift: 1 / 16 }])(
    'has the same bits when the classifier is loaded, and each time, with %o',
    async (extractor) => {
      using classifier = await ImageClassifier.create({ extractor })
      await classifier.fit(images, labels)
      using loaded = await ImageClassifier.load(await classifier.save())
      for (const method of ['occlusion', 'layer'] as const) {
        const once = await classifier.explain(one, { method })
        expect(await classifier.explain(one, { method })).toEqual(once)
        expect(await loaded.explain(one, { method })).toEqual(once)
      }
    },
  )

  it('explains a classifier whose CNN was fine-tuned', async () => {
    using classifier = await ImageClassifier.create({
      fineTune: { from: 'stage3', epochs: 1, validation: 0 },
    })
    await classifier.fit(images, labels)
    expect(classifier.extractor.tuning).toMatchObject({ kept: true })
    for (const method of ['occlusion', 'layer'] as const) {
      const { inside, outside } = means(await classifier.explain(one, { method }), 'upper left')
      expect(inside).toBeGreaterThan(outside)
    }
  })

  it('covers what the network sees of a large image', async () => {
    using classifier = await ImageClassifier.create({
      extractor: { preprocess: { size: { shortestEdge: 40 }, crop: 32 } },
    })
    await classifier.fit(images, labels)
    const large = cornered('chess', 'upper left', 7, 1600)
    const wide: RawImage = { ...large, height: 800, data: large.data.subarray(0, 800 * 1600 * 3) }
    const { map, window, pixels } = await classifier.explain(wide)
    expect([map.rows, map.cols]).toEqual([32, 32])
    // 80 x 40 pixels of which the middle 32 x 32 are seen.
    expect(window).toEqual({ left: 480, top: 80, width: 640, height: 640 })
    expect([pixels.width, pixels.height, pixels.data.length]).toEqual([1024, 512, 1024 * 512 * 4])
    // The first pixel is outside of what is seen, so it is as it was.
    expect([...pixels.data.subarray(0, 4)].at(-1)).toBe(255)
  })

  it('starts from the features of predict', async () => {
    for (const preprocess of [
      {},
      { size: { width: 40, height: 36 }, crop: 32 },
      { size: { shortestEdge: 20 }, crop: 32 },
      { size: { shortestEdge: 48 }, crop: { width: 32, height: 24 }, resample: 'bicubic' },
    ] as const) {
      using extractor = await FeatureExtractor.create({ preprocess })
      using classifier = await ImageClassifier.create({ extractor })
      await classifier.fit(images.slice(0, 32), labels.slice(0, 32))
      const image = { ...images[0], width: 64, height: 16 }
      const [value] = (await classifier.decisionFunction([image])).row(0)
      const { label, score } = await classifier.explain(image)
      expect(score).toBe(Math.abs(value))
      expect(label).toBe(classifier.classes[value > 0 ? 1 : 0])
    }
  })

  it('reports progress, and stops when it is aborted', async () => {
    using classifier = await ImageClassifier.create()
    await classifier.fit(images, labels)
    const told: number[] = []
    await classifier.explain(one, {
      method: 'occlusion',
      onProgress: ({ stage, done, total }) => {
        expect([stage, total]).toEqual(['features', 65])
        told.push(done)
      },
    })
    expect(told[0]).toBe(1)
    expect(told.at(-1)).toBe(65)
    const stop = new AbortController()
    const call = { signal: stop.signal, onProgress: () => stop.abort() }
    await expect(classifier.explain(one, call)).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await classifier.predict([one])).toEqual(['chess'])
  })

  it('needs one image, a known label and a fitted classifier', async () => {
    using classifier = await ImageClassifier.create<string>()
    await expect(classifier.explain(one)).rejects.toMatchObject({ code: 'NOT_FITTED' })
    await classifier.fit(images, labels)
    const bad: [unknown, object, string, RegExp][] = [
      [[one, one], {}, 'image', /one image, but was given an array of 2/],
      [one, { label: 'ches' }, 'label', /'ches' is not one of the 3 classes.*did you mean 'chess'/],
      [one, { label: 3 }, 'label', /label 3 is not one/],
      [one, { method: 'gradcam' }, 'method', /'layer' or 'occlusion'/],
      [one, { lable: 'chess' }, 'options', /did you mean 'label'/],
    ]
    for (const [image, o, argument, message] of bad) {
      await expect(classifier.explain(image as never, o)).rejects.toMatchObject({
        ...{ code: 'INVALID_ARGUMENT', argument },
        message: expect.stringMatching(message),
      })
    }
    await expect(classifier.explain(new Uint8Array([1, 2, 3]))).rejects.toMatchObject({
      code: 'IMAGE_UNREADABLE',
    })
    classifier.dispose()
    await expect(classifier.explain(one)).rejects.toMatchObject({ code: 'DISPOSED' })
  })
})

/** The layered CNN with other ways from its last map to a vector. */
function averagingCnn(): Uint8Array<ArrayBuffer> {
  const map = '/layer20/output'
  const moreNodes = [
    node('mean', 'ReduceMean', [map], ['mean'], { axes: [-1n, 2n], keepdims: 0n }),
    node('kept', 'ReduceMean', [map], ['kept'], { axes: [2n, 3n] }),
    node('row', 'Flatten', ['kept'], ['row']),
    node('early', 'GlobalAveragePool', ['relu'], ['early']),
    node('earlyRow', 'Flatten', ['early'], ['earlyRow']),
    node('joined', 'Concat', ['mean', 'row', 'earlyRow'], ['joined'], { axis: 1n }),
    node('most', 'GlobalMaxPool', [map], ['most']),
    node('mostRow', 'Flatten', ['most'], ['mostRow']),
    node('mixed', 'Concat', ['mean', 'mostRow'], ['mixed'], { axis: 1n }),
  ]
  return layeredCnnBytes({ head: 'none', moreNodes, moreOutputs: ['joined', 'mixed'] })
}

describe('the averages of a layer', () => {
  it.each([
    ['a flattened average', { layer: 'features' }],
    ['ReduceMean', { layer: 'mean', model: averagingCnn() }],
    ['several averages', { layer: 'joined', model: averagingCnn() }],
    [
      'several averages, in onnxruntime-web',
      { layer: 'joined', model: averagingCnn(), runtime: 'onnxruntime' },
    ],
    ['a map', { layer: '/layer20/output' }],
    ['a map, in onnxruntime-web', { layer: '/layer20/output', runtime: 'onnxruntime' }],
    ['a layer above the average, in onnxruntime-web', { layer: 'logits', runtime: 'onnxruntime' }],
  ] as const)('give the features of %s', async (_, options) => {
    using extractor = await FeatureExtractor.create({
      ...{ model: layeredCnnBytes(), preprocess: { size: 24 } },
      ...options,
    })
    const { picture } = networkPicture(
      { ...cornered('chess', 'upper left', 3, 24), ...rgba(24) },
      extractor.describe().preprocess,
    )
    const averages = (await extractor.openAverages())!
    const means = (await averages.maps(picture)).flatMap((map) => {
      const area = map.height * map.width
      return Array.from({ length: map.channels }, (_, c) => {
        return map.data.subarray(c * area, (c + 1) * area).reduce((sum, x) => sum + x, 0) / area
      })
    })
    const features = await averages.features(new Matrix(Float32Array.from(means), 1, means.length))
    const wanted = await extractor.extractPictures([picture])
    expect(features.cols).toBe(wanted.cols)
    for (const [i, value] of wanted.data.entries()) expect(features.data[i]).toBeCloseTo(value, 5)
    await averages.release()
  })

  it.each([
    ['flattened maps', layeredCnnBytes(), { layer: '/layer20/output', pooling: 'none' }],
    ['a maximum beside an average', averagingCnn(), { layer: 'mixed' }],
    ['a grid', layeredCnnBytes(), { layer: '/layer20/output', pooling: { grid: 2 } }],
    ['a class token', toBinary(ModelProtoSchema, smallVit()), { pooling: 'cls' }],
  ] as const)('do not exist for %s, which occlusion explains', async (_, model, options) => {
    using classifier = await ImageClassifier.create({
      extractor: { model, preprocess: { size: 12 }, ...options },
    })
    await classifier.fit(images, labels)
    await expect(classifier.explain(one, { method: 'layer' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      argument: 'method',
      message: expect.stringContaining("use 'occlusion'"),
    })
    const { map, method } = await classifier.explain(one)
    expect(method).toBe('occlusion')
    expect(map.data.some((value) => value !== 0)).toBe(true)
  })
})

function rgba(side: number): Pick<RawImage, 'data' | 'channels'> {
  const random = new Random(9)
  const data = Uint8Array.from({ length: side * side * 4 }, (_, i) => (i % 4 === 3 ? 255 : random.below(256)))
  return { data, channels: 4 }
}
