import { InferenceSession, Tensor } from 'onnxruntime-web'
import { expect, it } from 'vitest'
import { type SmallVitOptions, smallVit, vit } from '../../../test/support/small-vit.ts'
import { ImageClassifier } from '../../classifier/image-classifier.ts'
import type { SoftmarginError } from '../../core/errors.ts'
import type { RawImage } from '../../image/image-input.ts'
import { ModelProtoSchema } from '../../onnx/proto/onnx.ts'
import { toBinary } from '../../onnx/proto/write-message.ts'
import { signatureOf } from '../../store/feature-signature.ts'
import { type ExtractorOptions, FeatureExtractor } from './extractor.ts'

const preprocess = { size: vit.size, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }
const side = vit.size / vit.patch
const { width } = vit

function picture(seed: number): RawImage {
  const data = Uint8Array.from(
    { length: vit.size ** 2 * 3 },
    (_, i) => 127 + 120 * Math.sin(seed * 91 + i * i),
  )
  return { data, width: vit.size, height: vit.size, channels: 3 }
}
const images = [1, 2, 3].map(picture)

const open = (o: SmallVitOptions = {}, options: ExtractorOptions = {}) =>
  FeatureExtractor.create({ model: toBinary(ModelProtoSchema, smallVit(o)), preprocess, ...options })

/** All tokens of the layer for the first image, [tokens][channels]. */
async function tokensOf(extractor: FeatureExtractor, layer = 'block1') {
  const [all] = await extractor.extractLayers([images[0]], [{ layer, pooling: 'none' }])
  return Array.from({ length: all.cols / width }, (_, i) => all.row(0).subarray(i * width, (i + 1) * width))
}

const mean = (rows: Float32Array[]) =>
  Float32Array.from({ length: width }, (_, c) => rows.reduce((sum, row) => sum + row[c], 0) / rows.length)

it.each([
  [{}, 1],
  [{ registers: 4 }, 5],
  [{ classToken: false }, 0],
  [{ classToken: false, registers: 2 }, 2],
])('recognises class and register tokens, and averages the others: %o', async (o, prefix) => {
  using extractor = await open(o, { layer: 'block1' })
  expect(extractor.describe()).toMatchObject({ pooling: 'average', prefixTokens: prefix, featureSize: width })
  const tokens = await tokensOf(extractor)
  expect(tokens).toHaveLength(side * side + prefix)
  const features = await extractor.extract(images)
  expect([features.rows, features.cols]).toEqual([3, width])
  expect(features.row(0)).toEqual(mean(tokens.slice(prefix)))
})

it.each([
  [{ classes: 4 }, 'cls'],
  [{ classes: 4, registers: 2 }, 'cls'],
  [{ classes: 4, headReads: 'slice' }, 'cls'],
  [{ classes: 4, headReads: 'average' }, 'average'],
  // The first token of a network without a class token is a patch.
  [{ classes: 4, classToken: false }, 'average'],
  [{}, 'average'],
] as const)('pools tokens by default like the head of the network: %o', async (o, pooling) => {
  using extractor = await open(o, { layer: 'block 1' })
  expect(extractor.describe().pooling).toBe(pooling)
  const [own, wanted] = await extractor.extractLayers(images, [
    { layer: 'block 1' },
    { layer: 'block 1', pooling },
  ])
  expect(own).toEqual(wanted)
  const bytes = await extractor.toOnnx()
  using tail = await FeatureExtractor.create({ model: bytes })
  expect(tail.describe()).toMatchObject({ pooling, prefixTokens: extractor.describe().prefixTokens })
})

it('supports the class token, the maxima, and a grid of the patches', async () => {
  using extractor = await open({ registers: 1 }, { layer: 'block2' })
  const tokens = await tokensOf(extractor, 'block2')
  const layer = 'block2'
  const [cls, max, grid] = await extractor.extractLayers(images, [
    { layer, pooling: 'cls' },
    { layer, pooling: 'max' },
    { layer, pooling: { grid: 2 } },
  ])
  expect(cls.row(0)).toEqual(tokens[0])
  const patches = tokens.slice(2)
  expect([...max.row(0)]).toEqual(
    Array.from({ length: width }, (_, c) => Math.max(...patches.map((token) => token[c]))),
  )
  // Channel by channel, with four cells each; rows 0 and 1 of columns 2 and 3 are the second cell.
  const corner = mean([patches[2], patches[3], patches[6], patches[7]])
  expect(grid.cols).toBe(width * 4)
  expect([...grid.row(0)].filter((_, i) => i % 4 === 1)).toEqual([...corner])
})

it("uses the caller's number of prefix tokens and rejects one that does not fit", async () => {
  using extractor = await open({ registers: 4 }, { layer: 'block1', prefixTokens: 1 })
  const tokens = await tokensOf(extractor)
  expect((await extractor.extract(images)).row(0)).toEqual(mean(tokens.slice(1)))
  const codeOf = (promise: Promise<unknown>) =>
    promise.then(String, (error: SoftmarginError) => error.message)
  expect(await codeOf(open({}, { layer: 'block1', prefixTokens: 17 }))).toBe(
    "prefixTokens must be less than 17, the layer's number of tokens, but is 17",
  )
  expect(await codeOf(open({}, { layer: 'block1', prefixTokens: -1 }))).toContain(
    'prefixTokens must be an integer',
  )
  // 20 of 21 tokens do not form a square.
  expect(
    await codeOf(open({ registers: 4 }, { layer: 'block1', prefixTokens: 1, pooling: { grid: 2 } })),
  ).toContain('a grid needs patch tokens that form a rectangle, which is not known of the 20')
  expect(await codeOf(open({ classToken: false }, { layer: 'block1', pooling: 'cls' }))).toContain(
    'has no class token: see prefixTokens',
  )
  expect(await codeOf(open({}, { layer: 'patches', pooling: 'cls' }))).toContain('is not made of tokens')
})

it.each([{}, { parallel: true }, { classes: 5 }, { withText: true, classToken: false }])(
  "lists the output of each block, which layer: 'auto' tries: %o",
  async (o) => {
    using extractor = await open(o)
    const layers = extractor.layers()
    const blocks = layers.filter(({ block }) => block !== undefined)
    expect(blocks.map(({ name, block }) => [name, block])).toEqual([
      ['block0', 0],
      ['block1', 1],
      ['block2', 2],
    ])
    const isDefault = layers.filter((layer) => layer.isDefault).map(({ name }) => name)
    expect(layers.filter(({ endsStage }) => endsStage).map(({ name }) => name)).toEqual([
      ...['block0', 'block1', 'block2'],
      ...isDefault,
    ])
    expect(extractor.findLayer('block 1').name).toBe('block1')
    expect(layers.some(({ name }) => name.includes('text'))).toBe(false)
    using second = await open(o, { layer: 'block 1' })
    expect(second.describe().layer).toBe('block1')
  },
)

it('mirrors the tokens of the mirror image back to their patches', async () => {
  const grid = { grid: side }
  using plain = await open({ registers: 1 }, { layer: 'block0', pooling: grid })
  using mirrored = await open({ registers: 1 }, { layer: 'block0', pooling: grid, mirror: true })
  const { data, ...size } = images[0]
  const back = data.map((_, i) => {
    const [pixel, channel] = [Math.floor(i / 3), i % 3]
    const x = pixel % vit.size
    return data[(pixel - x + (vit.size - 1 - x)) * 3 + channel]
  })
  const [own, other] = [await plain.extract([images[0]]), await plain.extract([{ data: back, ...size }])]
  const features = (await mirrored.extract([images[0]])).row(0)
  const wanted = features.map((_, i) => {
    const column = i % side
    return (own.data[i] + other.data[i - column + (side - 1 - column)]) / 2
  })
  for (const [i, value] of wanted.entries()) expect(features[i]).toBeCloseTo(value, 5)
})

it.each([
  ['average', {}],
  ['max', { registers: 2 }],
  ['cls', {}],
  ['none', {}],
  [{ grid: 2 }, { registers: 3 }],
  [{ grid: 2 }, { classToken: false, mirror: true }],
] as const)('a saved file contains the pooling of tokens: %o %o', async (pooling, o) => {
  const { mirror = false, ...net } = { mirror: undefined, ...o }
  const model = toBinary(ModelProtoSchema, smallVit(net))
  const classifier = await ImageClassifier.create({
    extractor: { model, preprocess, layer: 'block1', pooling, mirror },
  })
  const pictures = Array.from({ length: 12 }, (_, i) => picture(i))
  await classifier.fit(
    pictures,
    pictures.map((_, i) => i % 3),
  )
  const bytes = await classifier.save()
  const loaded = await ImageClassifier.load(bytes)
  expect(loaded.extractor.describe()).toMatchObject({
    pooling,
    featureSize: classifier.extractor.featureSize,
  })
  const wanted = await classifier.extractor.extract(pictures)
  expect(await loaded.extractor.extract(pictures)).toEqual(wanted)
  expect((await signatureOf(loaded.extractor)).fingerprint).toBe(
    (await signatureOf(classifier.extractor)).fingerprint,
  )
  const session = await InferenceSession.create(bytes)
  const length = 3 * vit.size ** 2
  const tensor = new Float32Array(pictures.length * length)
  for (const [i, { data }] of pictures.entries()) {
    for (let p = 0; p < length; p++) {
      tensor[i * length + (p % 3) * vit.size ** 2 + Math.floor(p / 3)] = (data[p] / 255 - 0.5) / 0.5
    }
  }
  const dims = [pictures.length, 3, vit.size, vit.size]
  const { label, features } = await session.run({ pixel_values: new Tensor('float32', tensor, dims) })
  expect(Array.from(label.data as BigInt64Array, Number)).toEqual(await classifier.predict(pictures))
  for (const [i, value] of (features.data as Float32Array).entries()) {
    expect(value).toBeCloseTo(wanted.data[i], 4)
  }
  await session.release()
  classifier.dispose()
  loaded.dispose()
})

it('chooses among blocks, averages and class tokens', async () => {
  const model = toBinary(ModelProtoSchema, smallVit({ classes: 4 }))
  const classifier = await ImageClassifier.create({ extractor: { model, preprocess, layer: 'auto' } })
  const pictures = Array.from({ length: 18 }, (_, i) => picture(i))
  await classifier.fit(
    pictures,
    pictures.map((_, i) => i % 2),
  )
  const tried = classifier.rankedLayers!.map(({ layer, pooling }) => `${layer} ${pooling}`)
  expect(tried.toSorted()).toEqual(
    ['block0', 'block1', 'block2']
      .flatMap((block) => [`${block} average`, `${block} cls`])
      .concat('row none'),
  )
  classifier.dispose()
})
