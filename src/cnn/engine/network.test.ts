import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { resnet18 } from '../../../scripts/resnet18.js'
import { compare, graphOf, randomWeights } from '../../../test/support/engine-oracle.ts'
import { nativeOrt } from '../../../test/support/native-ort.ts'
import { SeededRandom } from '../../../test/support/random.ts'
import { cutModel } from '../../onnx/edit/cut.ts'
import { constant, node } from '../../onnx/graph/nodes.ts'
import { readModel } from '../../onnx/graph/read-model.ts'
import { create } from '../../onnx/proto/message.ts'
import { TensorProtoSchema } from '../../onnx/proto/onnx.ts'
import { EngineNetwork } from './network.ts'

const tiny = readModel(readFileSync(new URL('../../../models/tiny/tiny.onnx', import.meta.url)))
const has = nativeOrt() !== undefined
const pictures = (random: SeededRandom, dims: number[]) => random.floats(dims.reduce((all, n) => all * n, 1))

describe('whole networks at five layers match ONNX Runtime', () => {
  it.runIf(has)('the embedded CNN', async () => {
    const layers = ['stage1', 'stage2', 'stage3', 'stage4', 'features']
    const dims = [11, 3, 32, 32]
    const model = cutModel(tiny, layers)
    const { outputs } = await compare(model, dims, pictures(new SeededRandom(1), dims), 'pixel_values')
    expect(outputs.map(({ dims: [batch] }) => batch)).toEqual([11, 11, 11, 11, 11])
    for (const { error } of outputs) expect(error).toBeLessThan(1e-5)
  })

  it.runIf(has)('the larger embedded CNN, for images of two sizes', async () => {
    const layers = ['tiny.stage4', 'enlarged.pixels', 'enlarged.stage1', 'enlarged.stage3', 'features']
    const model = cutModel(
      readModel(readFileSync(new URL('../../../models/small/small.onnx', import.meta.url))),
      layers,
    )
    for (const dims of [
      [5, 3, 32, 32],
      [2, 3, 45, 38],
    ]) {
      const { outputs } = await compare(model, dims, pictures(new SeededRandom(1), dims), 'pixel_values')
      for (const { error } of outputs) expect(error).toBeLessThan(1e-5)
    }
  })

  it.runIf(has)('a ResNet-18 for images of two sizes', async () => {
    const blocks = [1, 2, 3].map((i) => `/layer${i}/layer${i}.1/relu_1/Relu_output_0`)
    const layers = ['/maxpool/MaxPool_output_0', ...blocks, '/Flatten_output_0']
    const model = cutModel(readModel(resnet18({ widths: [16, 32, 64, 128] })), layers)
    for (const dims of [
      [2, 3, 224, 224],
      [1, 3, 75, 130],
    ]) {
      const { outputs } = await compare(model, dims, pictures(new SeededRandom(2), dims), 'input')
      for (const { error } of outputs) expect(error).toBeLessThan(1e-5)
    }
  })
})

describe('a run', () => {
  const model = cutModel(tiny, ['stage3', 'features'])
  const source = { model, input: 'pixel_values' }
  const dims = [19, 3, 32, 32]
  const batch = pictures(new SeededRandom(3), dims)

  it('gives an image the same bits alone and in every batch', async () => {
    const network = await EngineNetwork.create(source, dims)
    const whole = await network.run(batch, dims)
    for (const [from, to] of [
      [0, 1],
      [4, 12],
      [18, 19],
      [3, 10],
    ]) {
      const part = await network.run(batch.subarray(from * 3072, to * 3072), [to - from, 3, 32, 32])
      for (const [name, { data }] of whole) {
        const size = data.length / 19
        expect(part.get(name)!.data).toEqual(data.slice(from * size, to * size))
      }
    }
  })

  it('gives the same bits where large maps run for fewer images at a time than small ones', async () => {
    const layers = ['/maxpool/MaxPool_output_0', '/layer3/layer3.0/relu/Relu_output_0', '/Flatten_output_0']
    const model = cutModel(readModel(resnet18({ widths: [16, 32, 64, 128] })), layers)
    const dims = [11, 3, 160, 200]
    const each = 3 * 160 * 200
    const batch = pictures(new SeededRandom(4), dims)
    const network = await EngineNetwork.create({ model, input: 'input' }, dims)
    const counts = new Map<string, number>()
    const together = await network.run(batch, dims, ({ name }, count) => {
      counts.set(name, Math.max(count, counts.get(name) ?? 0))
    })
    expect(counts.get('/conv1/Conv')).toBeLessThan(counts.get('/layer4/layer4.1/conv2/Conv')!)
    for (const image of [0, 7, 10]) {
      const alone = await network.run(batch.subarray(image * each, (image + 1) * each), [1, ...dims.slice(1)])
      for (const [name, { data }] of together) {
        const length = data.length / dims[0]
        expect(data.slice(image * length, (image + 1) * length)).toEqual(alone.get(name)!.data)
      }
    }
    network.release()
  })

  it('gives the same bits after another run and another size', async () => {
    const network = await EngineNetwork.create(source, dims)
    const first = await network.run(batch, dims)
    await network.run(batch.subarray(0, 3 * 48 * 40), [1, 3, 48, 40])
    expect(await network.run(batch, dims)).toEqual(first)
  })

  it('propagates NaN', async () => {
    const network = await EngineNetwork.create(source, dims)
    const broken = batch.slice(0, 3072).fill(Number.NaN, 100, 101)
    const { data } = (await network.run(broken, [1, 3, 32, 32])).get('features')!
    expect(data.some(Number.isNaN)).toBe(true)
  })

  it('throws DISPOSED after release', async () => {
    const network = await EngineNetwork.create(source, dims)
    expect(network.bytes).toBeGreaterThan(2 ** 20)
    network.release()
    await expect(network.run(batch, dims)).rejects.toMatchObject({ code: 'DISPOSED' })
  })
})

describe('graphs that the engine refuses', () => {
  it('a Concat without inputs', async () => {
    const nodes = [node('a', 'Relu', ['x'], ['z']), node('b', 'Concat', [], ['y'], { axis: 1n })]
    await expect(open(graphOf(3, nodes, [], ['y']))).rejects.toMatchObject({ name: 'NotForEngine' })
  })

  const conv = (weights: ReturnType<typeof constant>) =>
    graphOf(3, [node('conv', 'Conv', ['x', 'w'], ['y'])], [weights], ['y'])
  const open = (model: ReturnType<typeof graphOf>, dims = [1, 3, 8, 8]) =>
    EngineNetwork.create({ model, input: 'x' }, dims)

  it.each([
    ['an unknown operator', [node('a', 'Cumsum', ['x'], ['y'])], "the unsupported operator 'Cumsum'"],
    ['a cycle', [node('a', 'Add', ['x', 'b'], ['y']), node('b', 'Relu', ['y'], ['b'])], "'b'"],
    ['a product of maps', [node('a', 'MatMul', ['x', 'x'], ['y'])], "'x' is not a constant"],
    [
      'an output with its channels last',
      [node('a', 'Transpose', ['x'], ['y'], { perm: [0n, 2n, 3n, 1n] })],
      "'y'",
    ],
    ['a transposed map', [node('a', 'Transpose', ['x'], ['y'], { perm: [0n, 1n, 3n, 2n] })], 'transposes'],
    ['a DepthToSpace', [node('a', 'DepthToSpace', ['x'], ['y'], { blocksize: 2n })], 'DepthToSpace'],
  ])('%s', async (_, nodes, reason) => {
    await expect(open(graphOf(3, nodes, [], ['y']))).rejects.toMatchObject({
      name: 'NotForEngine',
      message: expect.stringContaining(reason),
    })
  })

  it('weights that do not match the channels', async () => {
    const weights = randomWeights(new SeededRandom(4), 'w', [4, 5, 1, 1])
    await expect(open(conv(weights))).rejects.toMatchObject({ name: 'NotForEngine' })
  })

  it('weights whose number does not match their dimensions', async () => {
    const weights = create(TensorProtoSchema, {
      ...randomWeights(new SeededRandom(4), 'w', [4, 3, 1, 1]),
      dims: [4n, 3n, 3n, 3n],
    })
    await expect(open(conv(weights))).rejects.toMatchObject({
      code: 'MODEL_UNREADABLE',
      message: expect.stringContaining('must have 108 numbers, but have 12'),
    })
  })

  it.each([
    [
      'padding of a million pixels',
      { pads: [1_000_000n, 1_000_000n, 1_000_000n, 1_000_000n] },
      'OUT_OF_MEMORY',
    ],
    ['padding of 2^62 pixels', { pads: [2n ** 62n, 0n, 0n, 0n] }, undefined],
    ['a dilation of 2^31', { dilations: [2n ** 31n, 1n], pads: [0n, 1n, 0n, 1n] }, undefined],
    ['a stride of 0', { strides: [0n, 1n] }, undefined],
    ['negative strides', { strides: [-1n, -1n] }, undefined],
    ['2^40 groups', { group: 2n ** 40n }, undefined],
  ])('a convolution with %s: at once, without allocating for it', async (_, attributes, code) => {
    const weights = randomWeights(new SeededRandom(4), 'w', [4, 3, 3, 3])
    const nodes = [node('conv', 'Conv', ['x', 'w'], ['y'], attributes)]
    const before = process.memoryUsage().arrayBuffers
    const refused = code ? { code } : { name: 'NotForEngine' }
    await expect(open(graphOf(3, nodes, [weights], ['y']))).rejects.toMatchObject(refused)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 24)
  })

  it.each<[what: string, scales: number[], attributes: Parameters<typeof node>[4], refused: object]>([
    ['that interpolates between 16 pixels', [1, 1, 2, 2], { mode: 'cubic' }, { message: /mode 'cubic'/ }],
    [
      'of a part',
      [1, 1, 2, 2],
      { coordinate_transformation_mode: 'tf_crop_and_resize' },
      { message: /tf_crop/ },
    ],
    ['of the channels', [1, 2, 2, 2], {}, { message: /changes the number of channels/ }],
    ['of a fifth axis', [1, 1, 2, 2, 2], {}, { message: /scales for other axes/ }],
    ['to no pixel', [1, 1, 0, 1], {}, { message: /invalid size 3 x 0 x 8/ }],
    ['by NaN', [1, 1, Number.NaN, 1], {}, { message: /shape of 'y'/ }],
    ['to 10^12 pixels', [1, 1, 125_000, 125_000], {}, { code: 'OUT_OF_MEMORY' }],
  ])('a Resize %s, without allocating for it', async (_, scales, attributes, refused) => {
    const nodes = [node('resize', 'Resize', ['x', '', 'scales'], ['y'], attributes)]
    const weights = [constant('scales', Float32Array.from(scales))]
    const before = process.memoryUsage().arrayBuffers
    const error = await open(graphOf(3, nodes, weights, ['y'])).catch((thrown) => thrown)
    const { message } = refused as { message?: RegExp }
    if (message)
      expect(error).toMatchObject({ name: 'NotForEngine', message: expect.stringMatching(message) })
    else expect(error).toMatchObject(refused)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 24)
  })

  it('a pooling with windows of 2^31 pixels', async () => {
    const nodes = [node('pool', 'MaxPool', ['x'], ['y'], { kernel_shape: [2n ** 31n, 2n ** 31n] })]
    await expect(open(graphOf(3, nodes, [], ['y']))).rejects.toMatchObject({ name: 'NotForEngine' })
  })

  it('a convolution that reads its own output', async () => {
    const weights = randomWeights(new SeededRandom(4), 'w', [3, 3, 1, 1])
    const nodes = [node('add', 'Add', ['x', 'y'], ['a']), node('conv', 'Conv', ['a', 'w'], ['y'])]
    await expect(open(graphOf(3, nodes, [weights], ['y']))).rejects.toMatchObject({ name: 'NotForEngine' })
  })

  it('NaN weights: only the filters that contain one give NaN', async () => {
    for (const [strides, channels] of [
      [1n, 3],
      [1n, 8],
      [2n, 8],
    ] as const) {
      const weights = randomWeights(new SeededRandom(4), 'w', [20, channels, 3, 3])
      const numbers = new Float32Array(weights.rawData.slice().buffer)
      for (const filter of [0, 7, 19]) numbers[filter * channels * 9 + 4] = Number.NaN
      weights.rawData = new Uint8Array(numbers.buffer)
      const attributes = { strides: [strides, strides], pads: [1n, 1n, 1n, 1n] }
      const model = graphOf(channels, [node('conv', 'Conv', ['x', 'w'], ['y'], attributes)], [weights], ['y'])
      const dims = [1, channels, 24, 24]
      const network = await EngineNetwork.create({ model, input: 'x' }, dims)
      const { data } = (await network.run(pictures(new SeededRandom(5), dims), dims)).get('y')!
      const area = data.length / 20
      for (let filter = 0; filter < 20; filter++) {
        const has = data.subarray(filter * area, (filter + 1) * area).some(Number.isNaN)
        expect(has, `filter ${filter}`).toBe([0, 7, 19].includes(filter))
      }
    }
  })

  it('maps beyond any memory: before anything is allocated', async () => {
    const weights = randomWeights(new SeededRandom(4), 'w', [4, 3, 1, 1])
    const before = process.memoryUsage().arrayBuffers
    await expect(open(conv(weights), [1, 3, 50_000, 50_000])).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 24)
  })
})
