import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  type FeatureMap,
  type LayeredCnnOptions,
  layeredCnn,
  layeredCnnBytes,
  referenceLayers,
  seeded,
} from '../../../test/support/layered-cnn.ts'
import type { SoftmarginError } from '../../core/errors.ts'
import type { ImageInput, RawImage } from '../../image/image-input.ts'
import type { Preprocess } from '../../image/preprocess-options.ts'
import { node, tensorInfo } from '../../onnx/graph/nodes.ts'
import { TensorProto_DataType as DataType, ModelProtoSchema } from '../../onnx/proto/onnx.ts'
import { toBinary } from '../../onnx/proto/write-message.ts'
import { pool, pooledSize, resolvePooling } from '../pool.ts'
import { type ExtractorOptions, FeatureExtractor } from './extractor.ts'

const plain: Preprocess = {
  size: { width: 12, height: 8 },
  rescale: 1 / 255,
  mean: [0, 0, 0],
  std: [1, 1, 1],
}
const fixtures = new URL('../../../test/fixtures/images/', import.meta.url)

/** Pictures of the model's input size, so that only the network matters. */
function pictures(count: number): (RawImage & { data: Uint8Array })[] {
  return Array.from({ length: count }, (_, i) => {
    const data = Uint8Array.from(seeded(12 * 8 * 3, i + 50), (x) => Math.floor((x + 1) * 127.9))
    return { data, width: 12, height: 8, channels: 3 }
  })
}

/** The network's layers for a picture, computed without ONNX Runtime. */
function reference(picture: RawImage) {
  const area = picture.width * picture.height
  const data = Float32Array.from(
    { length: 3 * area },
    (_, i) => picture.data[(i % area) * 3 + Math.floor(i / area)] / 255,
  )
  return referenceLayers({ data, channels: 3, height: picture.height, width: picture.width })
}

const make = (options: ExtractorOptions = {}, model: LayeredCnnOptions = {}) =>
  FeatureExtractor.create({ model: layeredCnnBytes(model), preprocess: plain, ...options })

function expectClose(actual: ArrayLike<number>, wanted: ArrayLike<number>) {
  expect(actual.length).toBe(wanted.length)
  for (let i = 0; i < wanted.length; i++) expect(Math.abs(actual[i] - wanted[i])).toBeLessThan(1e-5)
}

describe('features match those computed by hand from the network', () => {
  it('at the default layer', async () => {
    using extractor = await make()
    expect(extractor.featureSize).toBe(6)
    const images = pictures(5)
    const features = await extractor.extract(images)
    expect(features).toMatchObject({ rows: 5, cols: 6 })
    for (const [i, picture] of images.entries()) {
      expectClose(features.row(i), reference(picture).features.data)
    }
  })

  it.each<[string, ExtractorOptions['pooling']]>([
    ['relu', 'auto'],
    ['relu', 'average'],
    ['conv1', 'max'],
    ['pool', 'none'],
    ['layer2', { grid: 2 }],
    ['layer2.0', { grid: 3 }],
    ['-2', 'auto'],
    ['features', 'none'],
  ])('at layer %s with pooling %o', async (layer, pooling) => {
    using extractor = await make({ layer, pooling })
    const [picture] = pictures(1)
    const features = await extractor.extract([picture])
    const name = extractor.describe().layer
    const { data, channels, height, width } = reference(picture)[name]
    const isColumn = name === 'features' || name === 'logits'
    const dims = isColumn ? [1, channels] : [1, channels, height, width]
    const how = resolvePooling(pooling ?? 'auto', dims)
    const wanted = new Float32Array(pooledSize(how, dims))
    pool({ data, dims }, how, 1, wanted)
    expect(extractor.featureSize).toBe(wanted.length)
    expectClose(features.row(0), wanted)
  })

  it('of images and their mirror images', async () => {
    const images = pictures(3)
    const turned = images.map((picture): RawImage => {
      const at = (i: number) => 3 * (12 * Math.floor(i / 36) + 11 - (Math.floor(i / 3) % 12)) + (i % 3)
      return { ...picture, data: picture.data.map((_, i) => picture.data[at(i)]) }
    })
    /** The average of a map and another one with reversed rows. */
    const mean = ({ data, width }: FeatureMap, other: FeatureMap) =>
      data.map((value, i) => (value + other.data[i - (i % width) + width - 1 - (i % width)]) / 2)
    using extractor = await make({ mirror: true })
    const choices = [{ layer: 'layer2.0', pooling: 'none' as const }, { layer: 'relu' }, {}]
    const [map, average, last] = await extractor.extractLayers(images, choices)
    for (const [i, picture] of images.entries()) {
      const [own, other] = [reference(picture), reference(turned[i])]
      expectClose(map.row(i), mean(own['/layer2/0_output'], other['/layer2/0_output']))
      const dims = [1, 4, 8, 12]
      const wanted = new Float32Array(4)
      pool({ data: mean(own.relu, other.relu), dims }, 'average', 1, wanted)
      expectClose(average.row(i), wanted)
      expectClose(last.row(i), mean(own.features, other.features))
    }
    expect((await extractor.extract(images)).data).toEqual(last.data)
    using inner = await extractor.withLayer({ layer: 'relu' })
    expect((await inner.extract(images)).data).toEqual(average.data)
    // The cut model gives the same.
    using twin = await FeatureExtractor.fromModel(await extractor.cutModel(), {
      layer: 'features',
      preprocess: plain,
    })
    expect((await twin.extract(images)).data).toEqual(last.data)
  })

  it.each(['engine', 'onnxruntime'] as const)('of images and four shifted ones, in %s', async (runtime) => {
    const images = pictures(2)
    /** A picture moved by whole pixels; black, which is 0 for the network, is moved in. */
    const moved = (picture: RawImage, down: number, right: number): RawImage => {
      const data = new Uint8Array(picture.data.length)
      for (let y = 0; y < 8; y++) {
        for (let x = 0; x < 12; x++) {
          const [row, column] = [y - down, x - right]
          if (row < 0 || row >= 8 || column < 0 || column >= 12) continue
          for (let c = 0; c < 3; c++) data[3 * (12 * y + x) + c] = picture.data[3 * (12 * row + column) + c]
        }
      }
      return { ...picture, data }
    }
    const turned = (picture: RawImage): RawImage => {
      const at = (i: number) => 3 * (12 * Math.floor(i / 36) + 11 - (Math.floor(i / 3) % 12)) + (i % 3)
      return { ...picture, data: (picture.data as Uint8Array).map((_, i) => picture.data[at(i)]) }
    }
    for (const mirror of [false, true]) {
      // A sixth of 8 x 12 pixels is one pixel down and two to the right.
      using extractor = await make({ shift: 1 / 6, mirror, runtime })
      expect(extractor.shift).toBe(1 / 6)
      const [map, last] = await extractor.extractLayers(images, [{ layer: 'relu', pooling: 'none' }, {}])
      for (const [i, picture] of images.entries()) {
        const views = [
          [0, 0],
          [-1, 0],
          [1, 0],
          [0, -2],
          [0, 2],
        ].map(([down, right]) => reference(moved(picture, down, right)))
        const features = views.map((view) => view.features.data)
        const maps = views.map((view) => view.relu.data)
        if (mirror) {
          const { features: other, relu } = reference(turned(picture))
          features.push(other.data)
          maps.push(relu.data.map((_, k) => relu.data[k - (k % 12) + 11 - (k % 12)]))
        }
        const mean = (all: Float32Array[]) =>
          all[0].map((_, k) => all.reduce((sum, one) => sum + one[k], 0) / all.length)
        expectClose(last.row(i), mean(features))
        expectClose(map.row(i), mean(maps))
      }
      expect((await extractor.extract(images)).data).toEqual(last.data)
      using inner = await extractor.withLayer({ layer: 'relu', pooling: 'none' })
      expect((await inner.extract(images)).data).toEqual(map.data)
      const file = await extractor.toOnnx()
      using twin = await FeatureExtractor.create({ model: file, runtime })
      expect((await twin.extract(images)).data).toEqual(last.data)
    }
  })

  it('with a head of MatMul and Add, with weights among the inputs, with a fixed batch', async () => {
    const images = pictures(5)
    const wanted = images.flatMap((picture) => [...reference(picture).features.data])
    for (const model of [
      { head: 'MatMul' },
      { weightsAsInputs: true },
      { input: [1, 3, 8, 12] },
      { input: [3, 3, 'height', 'width'] },
    ] satisfies LayeredCnnOptions[]) {
      using extractor = await make({}, model)
      expectClose((await extractor.extract(images)).data, wanted)
    }
  })

  it('for any batch size', async () => {
    using extractor = await make({ layer: 'layer2', pooling: 'none' })
    const images = pictures(7)
    const all = await extractor.extract(images)
    for (const batchSize of [1, 3, 7, 100]) {
      expect((await extractor.extract(images, { batchSize })).data).toEqual(all.data)
    }
  })

  it('at several layers from one run', async () => {
    using extractor = await make()
    const images = pictures(3)
    const choices = [
      { layer: 'relu', pooling: { grid: 2 } },
      { layer: 'relu' },
      {},
      { layer: 'layer2', pooling: 'none' },
    ] as const
    const matrices = await extractor.extractLayers(images, [...choices], { batchSize: 2 })
    expect(matrices.map(({ rows, cols }) => [rows, cols])).toEqual([
      [3, 16],
      [3, 4],
      [3, 6],
      [3, 6 * 4 * 6],
    ])
    for (const [i, choice] of choices.entries()) {
      using alone = await make(choice)
      expect(matrices[i].data).toEqual((await alone.extract(images)).data)
    }
  })
})

describe('images', () => {
  const file = (name: string) => new Uint8Array(readFileSync(new URL(name, fixtures)))

  it('of every kind and size may be mixed in one call', async () => {
    using extractor = await make()
    const photo = new URL('150x90.png', fixtures)
    const same: ImageInput[] = [
      photo,
      photo.href,
      photo.pathname,
      file('150x90.png'),
      new Blob([file('150x90.png')]),
    ]
    const images = [
      ...same,
      file('baseline.jpg'),
      ...pictures(1),
      file('grey-alpha.png'),
      file('1x1.png'),
      file('20000x20.png'),
    ]
    const features = await extractor.extract(images)
    expect(features.rows).toBe(10)
    for (let i = 1; i < same.length; i++) expect(features.row(i)).toEqual(features.row(0))
    expect(features.row(5)).not.toEqual(features.row(0))
  })

  it('that cannot be read end the call, which names them', async () => {
    using extractor = await make()
    const [good] = pictures(1)
    const broken = file('baseline.jpg').subarray(0, 900)
    await expect(extractor.extract([good, good, broken])).rejects.toMatchObject({
      code: 'IMAGE_UNREADABLE',
      argument: 'images[2]',
      message: expect.stringMatching(/^images\[2\] is a JPEG image that cannot be decoded: it is truncated/),
    })
    await expect(extractor.extract([good, 'no/such.jpg'])).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      argument: 'images[1]',
    })
    expect((await extractor.extract([good])).rows).toBe(1)
  })

  it('that cannot be read are skipped and reported on request', async () => {
    using extractor = await make()
    const [a, b] = pictures(2)
    const reported: [number, SoftmarginError][] = []
    const tiff = Uint8Array.of(0x49, 0x49, 0x2a, 0, 8, 0, 0, 0)
    const images = ['no/such.jpg', a, new TextEncoder().encode('hello'), b, tiff]
    const onUnreadable = (index: number, error: SoftmarginError) => reported.push([index, error])
    const features = await extractor.extract(images, { batchSize: 1, onUnreadable })
    expect(features).toMatchObject({ rows: 2, cols: 6 })
    expect(features.data).toEqual((await extractor.extract([a, b])).data)
    expect(reported.map(([index, { code }]) => [index, code])).toEqual([
      [0, 'FILE_UNREADABLE'],
      [2, 'IMAGE_UNREADABLE'],
      [4, 'IMAGE_UNREADABLE'],
    ])
    await expect(extractor.extract([images[0]], { onUnreadable })).rejects.toThrow(
      'none of the 1 images can be read',
    )
    // A mistake of the caller does not count as an unreadable image.
    await expect(extractor.extract([a, 7 as never], { onUnreadable })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
  })

  it('must not be empty', async () => {
    using extractor = await make()
    await expect(extractor.extract([])).rejects.toMatchObject({ code: 'EMPTY_INPUT', argument: 'images' })
    await expect(extractor.extract('cat.jpg' as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(extractor.extract(pictures(1), { batchSize: 0 })).rejects.toMatchObject({
      argument: 'batchSize',
    })
  })
})

describe('a long call', () => {
  it('reports progress', async () => {
    using extractor = await make()
    const seen: object[] = []
    await extractor.extract(pictures(5), { batchSize: 2, onProgress: (progress) => seen.push(progress) })
    expect(seen).toEqual([2, 4, 5].map((done) => ({ done, total: 5, threads: 1 })))
  })

  it('can be aborted, and the extractor stays usable', async () => {
    using extractor = await make()
    const images = pictures(6)
    const controller = new AbortController()
    const call = extractor.extract(images, {
      batchSize: 2,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    })
    await expect(call).rejects.toMatchObject({ code: 'ABORTED', name: 'AbortError' })
    await expect(extractor.extract(images, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    })
    expect((await extractor.extract(images)).rows).toBe(6)
  })

  it('lets timers run', async () => {
    using extractor = await make()
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 0)
    const call = extractor.extract(pictures(2000), { batchSize: 1, signal: controller.signal })
    await expect(call).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('may run concurrently with another', async () => {
    using extractor = await make()
    const images = pictures(8)
    const [first, second, one] = await Promise.all([
      extractor.extract(images, { batchSize: 1 }),
      extractor.extract(images, { batchSize: 3 }),
      extractor.extractLayers(images, [{}]),
    ])
    expect(second.data).toEqual(first.data)
    expect(one[0].data).toEqual(first.data)
  })
})

describe('an extractor', () => {
  it('describes itself so that the cut model gives an equal extractor', async () => {
    using extractor = await make({ layer: 'layer2', pooling: { grid: 2 } })
    const description = JSON.parse(JSON.stringify(extractor.describe()))
    expect(description).toEqual({
      model: 'bytes',
      layer: '/layer2/1_output',
      pooling: { grid: 2 },
      preprocess: { ...plain, resample: 'bilinear', order: 'rgb' },
      featureSize: 24,
    })
    const cut = await extractor.cutModel()
    expect(cut.graph!.node).toHaveLength(5)
    using twin = await FeatureExtractor.create({ ...description, model: toBinary(ModelProtoSchema, cut) })
    using other = await FeatureExtractor.fromModel(cut, description)
    const images = pictures(3)
    const wanted = await extractor.extract(images)
    expect((await twin.extract(images)).data).toEqual(wanted.data)
    expect((await other.extract(images)).data).toEqual(wanted.data)
    expect(twin.describe()).toEqual(extractor.describe())
  })

  it("takes the model's preprocessing by default", async () => {
    const own = { size: { width: 16, height: 10 }, mean: [0.1, 0.2, 0.3], std: [0.5, 0.6, 0.7] }
    const metadata = { softmargin: JSON.stringify({ preprocess: own, classes: ['a'] }) }
    using extractor = await make({ preprocess: { mean: [0, 0, 0] } }, { metadata })
    expect(extractor.describe().preprocess).toMatchObject({ ...own, mean: [0, 0, 0], rescale: 1 / 255 })
    using fixed = await make({ preprocess: {} }, { input: ['n', 3, 20, 30] })
    expect(fixed.describe().preprocess.size).toEqual({ width: 30, height: 20 })
  })

  it('lists its layers', async () => {
    using extractor = await make({ layer: 'relu' })
    expect(extractor.layers().map(({ name }) => name)).toContain('features')
    expect(extractor.layers().filter(({ isDefault }) => isDefault)).toMatchObject([{ name: 'features' }])
  })

  it('throws DISPOSED after dispose()', async () => {
    const extractor = await make()
    const running = extractor.extract(pictures(200), { batchSize: 1 })
    extractor.dispose()
    extractor.dispose()
    for (const call of [
      () => running,
      () => extractor.extract(pictures(1)),
      () => extractor.extractLayers(pictures(1), [{}]),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'DISPOSED' })
    }
  })
})

describe('without a GPU', () => {
  it("'auto' is WebAssembly, and WebGPU is rejected", async () => {
    using extractor = await make({ device: 'auto' })
    using plain = await make()
    expect([extractor.device, plain.device]).toEqual(['wasm', 'wasm'])
    const images = pictures(2)
    expect((await extractor.extract(images)).data).toEqual((await plain.extract(images)).data)
    await expect(make({ device: 'webgpu' })).rejects.toMatchObject({
      code: 'HOST_UNSUPPORTED',
      argument: 'device',
      message: expect.stringContaining('no WebGPU adapter'),
    })
  })
})

describe('create rejects', () => {
  const text = (content: string) => new TextEncoder().encode(content)
  const second = tensorInfo('second', DataType.FLOAT, ['batch', 3, 'height', 'width'])
  const sum = node('sum', 'Add', ['pixels', 'second'], ['sum'])

  it.each<[string, ExtractorOptions, string, string]>([
    ['text', { model: text('hello') }, 'MODEL_UNREADABLE', 'model must be an ONNX model, but is a text file'],
    ['no bytes', { model: new ArrayBuffer(0) }, 'MODEL_UNREADABLE', 'is empty'],
    ['a truncated model', { model: layeredCnnBytes().subarray(0, 900) }, 'MODEL_UNREADABLE', 'truncated'],
    ['a missing file', { model: 'no/such.onnx' }, 'FILE_UNREADABLE', 'no/such.onnx'],
    ['a picture', { model: new URL('grey.jpg', fixtures) }, 'MODEL_UNREADABLE', 'is a JPEG image'],
    ['a number', { model: 5 as never }, 'INVALID_ARGUMENT', 'model must be'],
    ['an unknown layer', { layer: 'relu7' }, 'LAYER_NOT_FOUND', `closest names are 'relu'`],
    ['an unknown pooling', { pooling: 'sum' as never }, 'INVALID_ARGUMENT', 'pooling must be'],
    ['a pooling of rows', { pooling: { grid: 2 } }, 'INVALID_ARGUMENT', 'a layer of shape [1, 6]'],
    ['a mirror that is not a boolean', { mirror: 1 as never }, 'INVALID_ARGUMENT', 'mirror must be'],
    ['a shift by half of the side', { shift: 0.5 }, 'INVALID_ARGUMENT', 'shift must be'],
    ['an unknown device', { device: 'tpu' as never }, 'INVALID_ARGUMENT', 'device must be'],
    ['an unknown runtime', { runtime: 'tfjs' as never }, 'INVALID_ARGUMENT', 'runtime must be'],
    [
      'a misspelt option',
      { poolng: 'max' } as never,
      'INVALID_ARGUMENT',
      "unknown option 'poolng' in options; did you mean 'pooling'?",
    ],
    [
      'an option of other libraries',
      { quantize: true } as never,
      'INVALID_ARGUMENT',
      "unknown option 'quantize'",
    ],
    ['no threads', { threads: 0 }, 'INVALID_ARGUMENT', 'threads must be'],
    ['an invalid preprocess', { preprocess: { std: [0, 0, 0] } }, 'INVALID_ARGUMENT', 'preprocess.std'],
  ])('%s', async (_, options, code, phrase) => {
    await expect(make(options)).rejects.toMatchObject({ code, message: expect.stringContaining(phrase) })
  })

  it.each<[string, LayeredCnnOptions, ExtractorOptions, string, string]>([
    [
      'two image inputs',
      { moreInputs: [second], moreNodes: [sum] },
      { layer: 'sum' },
      'MODEL_UNSUPPORTED',
      `2 inputs: 'pixels', 'second'`,
    ],
    ['an input without images', { input: ['batch', 10] }, {}, 'MODEL_UNSUPPORTED', 'has 2 dimensions'],
    ['channels last', { input: ['batch', 'height', 'width', 3] }, {}, 'MODEL_UNSUPPORTED', 'channels last'],
    ['four channels', { input: ['batch', 4, 'height', 'width'] }, {}, 'MODEL_UNSUPPORTED', '4 channels'],
    [
      'another size',
      { input: ['batch', 3, 9, 12] },
      {},
      'INVALID_ARGUMENT',
      'preprocess.size must be 12 x 9',
    ],
    [
      'a missing operator',
      { moreNodes: [node('odd', 'Frobnicate', ['features'], ['odd'])] },
      { layer: 'odd' },
      'MODEL_UNSUPPORTED',
      `ONNX Runtime does not support the operator 'Frobnicate' of node 'odd'`,
    ],
    [
      'a missing operator of another domain',
      { moreNodes: [node('odd', 'my.ops:Blur', ['features'], ['odd'])] },
      { layer: 'odd' },
      'MODEL_UNSUPPORTED',
      `ONNX Runtime does not support the operator 'my.ops:Blur' of node 'odd'`,
    ],
    [
      'integers',
      { moreNodes: [node('cast', 'Cast', ['features'], ['whole'], { to: 7n })] },
      { layer: 'whole' },
      'MODEL_UNSUPPORTED',
      `layer 'whole' returns int64`,
    ],
    ['metadata that is not JSON', { metadata: { softmargin: '{' } }, {}, 'MODEL_UNREADABLE', 'metadata'],
    [
      'metadata with invalid values',
      { metadata: { softmargin: '{"preprocess":{"size":-1}}' } },
      {},
      'MODEL_UNREADABLE',
      'preprocess.size',
    ],
  ])('a model with %s', async (_, model, options, code, phrase) => {
    await expect(make(options, model)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(phrase),
    })
  })

  it('a model without an input', async () => {
    const model = layeredCnn()
    model.graph!.input = []
    await expect(FeatureExtractor.fromModel(model)).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' })
  })
})
