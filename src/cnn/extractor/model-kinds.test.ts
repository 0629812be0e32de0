import { describe, expect, it } from 'vitest'
import { layeredCnn, referenceLayers, seeded } from '../../../test/support/layered-cnn.ts'
import {
  dynamicCnn,
  halfCnn,
  halfWeightsCnn,
  qdqCnn,
  qlinearCnn,
  splitCnn,
} from '../../../test/support/model-kinds.ts'
import type { RawImage } from '../../image/image-input.ts'
import { constant, node } from '../../onnx/graph/nodes.ts'
import { type ModelProto, ModelProtoSchema } from '../../onnx/proto/onnx.ts'
import { toBinary } from '../../onnx/proto/write-message.ts'
import { FeatureExtractor } from './extractor.ts'

const [width, height] = [12, 8]
const images = Array.from({ length: 3 }, (_, i): RawImage => {
  const data = Uint8Array.from(seeded(width * height * 3, i + 50), (x) => Math.floor((x + 1) * 127.9))
  return { data, width, height, channels: 3 }
})
const preprocess = { size: { width, height }, mean: [0, 0, 0], std: [1, 1, 1] }

/** A layer of the float CNN, averaged over its map, from the reference implementation. */
function reference(image: RawImage, layer: string): number[] {
  const data = Float32Array.from({ length: 3 * width * height }, (_, i) => {
    return image.data[(i % (width * height)) * 3 + Math.floor(i / (width * height))] / 255
  })
  const map = referenceLayers({ data, channels: 3, height, width })[layer]
  const area = map.height * map.width
  return Array.from({ length: map.channels }, (_, c) => {
    return map.data.subarray(c * area, (c + 1) * area).reduce((sum, x) => sum + x, 0) / area
  })
}

const fileOf = (model: ModelProto) => toBinary(ModelProtoSchema, model)

describe('features of the same network with other storage types and operators', () => {
  it.each<[string, () => ModelProto, string, string, number]>([
    ['float16 throughout', halfCnn, 'features', 'features', 2e-3],
    ['float16 throughout, at an inner layer', halfCnn, 'relu', 'relu', 2e-3],
    ['float16 weights', halfWeightsCnn, 'features', 'features', 2e-3],
    ['QuantizeLinear and DequantizeLinear', qdqCnn, 'features', 'features', 0.03],
    ['the same, at an inner layer', qdqCnn, 'conv1', 'conv1', 0.03],
    ['QLinearConv, whose integers are turned back', qlinearCnn, 'conv1', 'conv1', 0.03],
    ['a dynamically quantised head', dynamicCnn, 'features', 'features', 1e-5],
  ])('%s', async (_, make, layer, wanted, tolerance) => {
    using extractor = await FeatureExtractor.create({ model: fileOf(make()), layer, preprocess })
    const features = await extractor.extract(images)
    for (const [i, image] of images.entries()) {
      const expected = reference(image, wanted)
      expect(features.cols).toBe(expected.length)
      for (const [j, value] of expected.entries()) {
        expect(Math.abs(features.row(i)[j] - value)).toBeLessThan(tolerance)
      }
    }
    // The cut model, which is saved with a classifier, has float32 inputs and outputs too.
    using twin = await FeatureExtractor.fromModel(await extractor.cutModel(), { layer, preprocess })
    expect((await twin.extract(images)).data).toEqual(features.data)
  })

  it.each<[string, () => ModelProto, string]>([
    ['float16', halfCnn, 'features'],
    ['float16 weights', halfWeightsCnn, 'features'],
    ['QDQ', qdqCnn, 'features'],
    ['dynamic', dynamicCnn, 'features'],
    ['QLinear without a head', qlinearCnn, 'pool'],
  ])('the head is excluded for a model of kind %s', async (_, make, layer) => {
    using extractor = await FeatureExtractor.create({ model: fileOf(make()), preprocess })
    expect(extractor.describe().layer).toBe(layer)
  })

  it('integers are dequantised after operators that pass them through', async () => {
    const model = fileOf(qlinearCnn())
    using extractor = await FeatureExtractor.create({ model, preprocess })
    const choices = ['pool', 'out'].map((layer) => ({ layer, pooling: 'none' as const }))
    const [pool, out] = await extractor.extractLayers(images, choices)
    expect(pool.data).toEqual(out.data)
  })

  it('several layers at once', async () => {
    using extractor = await FeatureExtractor.create({ model: fileOf(halfCnn()), preprocess })
    const [relu, features] = await extractor.extractLayers(images, [{ layer: 'relu' }, { layer: 'features' }])
    expect(features.data).toEqual((await extractor.extract(images)).data)
    expect(relu.cols).toBe(4)
  })
})

describe('operator sets', () => {
  // ONNX Runtime supports opset 7 and newer; 26 is the newest that onnxruntime-web 1.30 knows.
  it.each(Array.from({ length: 20 }, (_, i) => i + 7))('version %i', async (version) => {
    const model = layeredCnn()
    model.opsetImport[0].version = BigInt(version)
    if (version >= 13) model.graph!.node.find(({ opType }) => opType === 'Softmax')!.attribute = []
    using extractor = await FeatureExtractor.create({ model: fileOf(model), preprocess })
    const features = await extractor.extract(images)
    const wanted = reference(images[0], 'features')
    for (const [j, value] of wanted.entries()) expect(features.row(0)[j]).toBeCloseTo(value, 5)
    const mirrored = FeatureExtractor.create({ model: fileOf(model), preprocess, mirror: true })
    if (version >= 10) return (await mirrored).dispose()
    await expect(mirrored).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', argument: 'mirror' })
  })

  it('mirror is rejected for a layer that is neither a map, a row nor a grid of tokens', async () => {
    const model = layeredCnn()
    const axes = constant('axes', BigInt64Array.of(1n, 2n, 3n))
    model.graph!.initializer.push(axes)
    model.graph!.node.push(node('deep', 'Unsqueeze', ['features', 'axes'], ['deep']))
    const options = { model: fileOf(model), preprocess, layer: 'deep', mirror: true }
    await expect(FeatureExtractor.create(options)).rejects.toThrow("but 'deep' is of 5 dimensions")
  })
})

describe('external weights', () => {
  it('are supplied by the caller', async () => {
    const { model, data } = splitCnn()
    using extractor = await FeatureExtractor.create({
      model,
      externalData: { 'weights.bin': data },
      preprocess,
    })
    using whole = await FeatureExtractor.create({ model: fileOf(layeredCnn()), preprocess })
    expect((await extractor.extract(images)).data).toEqual((await whole.extract(images)).data)
    expect(fileOf(await extractor.cutModel()).length).toBeGreaterThan(1000)
  })

  it('must be present and complete', async () => {
    const { model, data } = splitCnn()
    await expect(FeatureExtractor.create({ model })).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      argument: 'externalData',
      message: expect.stringContaining(`pass it as externalData: { 'weights.bin': `),
    })
    const short = { 'weights.bin': data.subarray(0, data.length - 1) }
    await expect(FeatureExtractor.create({ model, externalData: short })).rejects.toMatchObject({
      code: 'MODEL_UNREADABLE',
      message: expect.stringContaining('truncated'),
    })
    const missing = { 'weights.bin': 'no/such.bin' }
    await expect(FeatureExtractor.create({ model, externalData: missing })).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      argument: `externalData['weights.bin']`,
    })
  })
})

describe('a layer that mixes the images of a batch', () => {
  it.each([
    [
      'its rows depend on the whole batch',
      node('mix', 'Transpose', ['features'], ['mixed'], { perm: [1n, 0n] }),
    ],
    [
      'its columns depend on the whole batch',
      node('mix', 'Gemm', ['features', 'features'], ['mixed'], { transB: 1n }),
    ],
  ])('is rejected when a second image arrives: %s', async (_, mix) => {
    const model = fileOf(layeredCnn({ moreNodes: [mix] }))
    const options = { model, layer: 'mixed', preprocess }
    const unsupported = {
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringContaining(`layer 'mixed' must return`),
    }
    const made = await FeatureExtractor.create(options).catch((error) => error)
    if (made instanceof Error) return expect(made).toMatchObject(unsupported)
    await expect(made.extract(images)).rejects.toMatchObject(unsupported)
    await expect(made.extractLayers(images, [{ layer: 'mixed' }])).rejects.toMatchObject(unsupported)
    expect((await made.extract(images, { batchSize: 1 })).rows).toBe(3)
    made.dispose()
  })
})
