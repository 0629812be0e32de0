import { describe, expect, it } from 'vitest'
import { floatNode } from '../../../test/support/engine-oracle.ts'
import { seeded } from '../../../test/support/layered-cnn.ts'
import { tailOf } from '../../onnx/gradient/tail.ts'
import { constant, node, tensorInfo } from '../../onnx/graph/nodes.ts'
import { create } from '../../onnx/proto/message.ts'
import {
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
} from '../../onnx/proto/onnx.ts'
import { inferTensors } from '../../onnx/shapes/infer.ts'
import { startStep } from './step-runtime.ts'
import type { TrainableTensor } from './trainable-step.ts'

// The gradients of the engine beside those of onnxruntime-web, whose rules src/onnx/gradient tests against finite
// differences and test/interop against PyTorch.

type Ints = bigint[]
interface Part {
  nodes: NodeProto[]
  constants?: Record<string, [number[], Float32Array]>
}

/** Numbers from -1 to 1, or moved up to be positive. */
const numbers = (dims: number[], seed: number, from = 0) => {
  const length = dims.reduce((all, n) => all * n, 1)
  return seeded(length, seed).map((value) => (from === 0 ? value : from + 0.4 * value))
}
const weights = (dims: number[], seed: number): [number[], Float32Array] => {
  const fanIn = dims.slice(1).reduce((all, n) => all * n, 1)
  return [dims, numbers(dims, seed).map((value) => value / Math.sqrt(fanIn))]
}
const conv = (x: string, y: string, w: string, attributes: Record<string, bigint | Ints> = {}, b = '') =>
  node(y, 'Conv', b ? [x, w, b] : [x, w], [y], attributes)

/** A network around some nodes from `a`, [N, channels, height, width], to `z`: a convolution, the nodes, a pooling. */
function network({ nodes, constants = {} }: Part, channels: number, side: [number, number]): ModelProto {
  const first = {
    w0: weights([channels, 3, 3, 3], 1),
    b0: [[channels], numbers([channels], 2)] as [number[], Float32Array],
  }
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 20n }],
    graph: {
      name: 'g',
      node: [conv('x', 'a', 'w0', { pads: [1n, 1n, 1n, 1n] }, 'b0'), ...nodes],
      initializer: Object.entries({ ...first, ...constants }).map(([name, [dims, values]]) =>
        constant(name, values, dims),
      ),
      input: [tensorInfo('x', DataType.FLOAT, [1, 3, ...side])],
      output: [tensorInfo('z', DataType.FLOAT, [])],
    },
  })
}

/** The gradients of all weights for two slices of a batch. */
async function gradients(model: ModelProto, runtime: 'engine' | 'onnxruntime', slice = 5) {
  const [, channels, height, width] = inferTensors(model).get('x')!.dims as number[]
  const tail = tailOf(model, inferTensors(model, { x: [slice, channels, height, width] }), 'x')
  const classes = 3
  const o = { pooling: 'average' as const, classes, featureScale: 1.5 }
  const started = await startStep({ forEngine: () => tail, forOnnxGraph: () => tail }, o, { runtime })
  const { runtime: step, parameters } = started
  const head = parameters.at(-2)!
  head.values.set(weights(head.dims, 77)[1])
  const images = numbers([2 * slice, channels, height, width], 8)
  const each = channels * height * width
  step.zeroGradients()
  const logits: number[] = []
  for (const [at, count] of [
    [0, slice],
    [slice, slice - 1],
  ]) {
    const targets = new Float32Array(slice * classes)
    for (let i = 0; i < count; i++) {
      for (let k = 0; k < classes; k++) targets[i * classes + k] = k === (at + i) % classes ? 0.8 : 0.1
    }
    const found = await step.accumulate([images.subarray(at * each, (at + slice) * each)], targets, count)
    logits.push(...found.subarray(0, count * classes))
  }
  step.writeGradients(1 / 9)
  await step.release()
  return { name: step.name, parameters, logits }
}

function difference(mine: ArrayLike<number>, theirs: ArrayLike<number>): number {
  let [range, most] = [1e-6, 0]
  for (let i = 0; i < theirs.length; i++) {
    range = Math.max(range, Math.abs(theirs[i]))
    most = Math.max(most, Math.abs(theirs[i] - mine[i]))
  }
  return most / range
}

async function compare(model: ModelProto): Promise<TrainableTensor[]> {
  const mine = await gradients(model, 'engine')
  expect(mine.name).toBe('engine')
  const theirs = await gradients(model, 'onnxruntime')
  expect(theirs.name).toBe('onnxruntime')
  expect(difference(mine.logits, theirs.logits)).toBeLessThan(1e-4)
  expect(mine.parameters.map(({ name }) => name)).toEqual(theirs.parameters.map(({ name }) => name))
  for (const [i, { name, gradient }] of theirs.parameters.entries()) {
    expect(
      gradient.some((value) => value !== 0),
      name,
    ).toBe(true)
    expect(difference(mine.parameters[i].gradient, gradient), name).toBeLessThan(1e-4)
  }
  return mine.parameters
}

describe('the engine computes the gradients of', () => {
  const convolutions: [string, number, number, Record<string, bigint | Ints>, number[], [number, number]][] =
    [
      ['3 x 3', 20, 24, { pads: [1n, 1n, 1n, 1n] }, [24, 20, 3, 3], [9, 7]],
      ['3 x 3 without padding', 16, 17, {}, [17, 16, 3, 3], [12, 10]],
      ['3 x 3 with stride 2', 16, 20, { pads: [1n, 1n, 1n, 1n], strides: [2n, 2n] }, [20, 16, 3, 3], [9, 8]],
      [
        '3 x 3 with stride 2 and several tiles',
        18,
        20,
        { pads: [1n, 1n, 1n, 1n], strides: [2n, 2n] },
        [20, 18, 3, 3],
        [18, 35],
      ],
      [
        '3 x 3 with stride 2 and uneven padding',
        20,
        24,
        { pads: [0n, 1n, 1n, 0n], strides: [2n, 2n] },
        [24, 20, 3, 3],
        [17, 9],
      ],
      ['3 x 3 with stride 2, without padding', 16, 16, { strides: [2n, 2n] }, [16, 16, 3, 3], [18, 12]],
      ['3 x 3 with few channels', 5, 6, { pads: [1n, 1n, 1n, 1n] }, [6, 5, 3, 3], [6, 6]],
      ['1 x 1', 10, 33, {}, [33, 10, 1, 1], [5, 6]],
      ['1 x 1 with stride 2', 12, 9, { strides: [2n, 2n] }, [9, 12, 1, 1], [8, 7]],
      [
        '5 x 3 with strides, dilations and uneven padding',
        7,
        9,
        { pads: [2n, 0n, 3n, 1n], strides: [2n, 3n], dilations: [2n, 1n] },
        [9, 7, 5, 3],
        [13, 11],
      ],
      ['7 x 7 with stride 2', 4, 8, { pads: [3n, 3n, 3n, 3n], strides: [2n, 2n] }, [8, 4, 7, 7], [16, 15]],
      ['two groups', 6, 10, { pads: [1n, 1n, 1n, 1n], group: 2n }, [10, 3, 3, 3], [6, 5]],
      [
        'channels of their own, with stride 2',
        6,
        6,
        { pads: [1n, 1n, 1n, 1n], group: 6n, strides: [2n, 2n] },
        [6, 1, 3, 3],
        [9, 8],
      ],
      ['two filters for each channel', 4, 8, { pads: [1n, 1n, 1n, 1n], group: 4n }, [8, 1, 3, 3], [6, 6]],
    ]
  it.each(convolutions)('a convolution of %s', async (_, channels, filters, attributes, dims, side) => {
    for (const bias of ['', 'b']) {
      const part = {
        nodes: [conv('a', 'z', 'w', attributes, bias)],
        constants: {
          w: weights(dims, 5),
          ...(bias && { b: [[filters], numbers([filters], 6)] as [number[], Float32Array] }),
        },
      }
      await compare(network(part, channels, side))
    }
  })

  const unary = (op: string, attributes: Parameters<typeof floatNode>[3] = {}): NodeProto =>
    floatNode(op, ['m'], 'y', attributes)
  const activations: [string, NodeProto[]][] = [
    ['Relu', [unary('Relu')]],
    ['Clip', [node('c', 'Clip', ['m', 'low', 'high'], ['y'])]],
    ['LeakyRelu', [unary('LeakyRelu', { alpha: 0.2 })]],
    ['Sigmoid', [unary('Sigmoid')]],
    ['HardSigmoid', [unary('HardSigmoid', { alpha: 0.4, beta: 0.5 })]],
    ['HardSwish', [unary('HardSwish')]],
    ['Tanh', [unary('Tanh')]],
    ['Exp', [unary('Exp')]],
    ['Sqrt', [node('s', 'Sigmoid', ['m'], ['s']), node('q', 'Sqrt', ['s'], ['y'])]],
    ['Neg', [unary('Neg')]],
    ['Gelu', [unary('Gelu')]],
    ['Gelu by tanh', [node('g', 'Gelu', ['m'], ['y'], { approximate: 'tanh' })]],
    ['Erf', [unary('Erf')]],
    [
      'a spelt-out GELU',
      [
        node('s', 'Div', ['m', 'root'], ['s']),
        node('e', 'Erf', ['s'], ['e']),
        node('o', 'Add', ['e', 'one'], ['o']),
        node('p', 'Mul', ['m', 'o'], ['p']),
        node('y', 'Mul', ['p', 'half'], ['y']),
      ],
    ],
    ['a swish', [node('s', 'Sigmoid', ['m'], ['s']), node('p', 'Mul', ['m', 's'], ['y'])]],
  ]
  it.each(activations)('%s, fused into a convolution or not', async (_, nodes) => {
    const constants = {
      w: weights([6, 5, 3, 3], 5),
      v: weights([4, 6, 1, 1], 6),
      u: weights([4, 12, 1, 1], 7),
      low: [[], Float32Array.of(-0.4)] as [number[], Float32Array],
      high: [[], Float32Array.of(0.5)] as [number[], Float32Array],
      root: [[], Float32Array.of(Math.SQRT2)] as [number[], Float32Array],
      one: [[], Float32Array.of(1)] as [number[], Float32Array],
      half: [[], Float32Array.of(0.5)] as [number[], Float32Array],
    }
    const fused = [conv('a', 'm', 'w'), ...nodes, conv('y', 'z', 'v')]
    await compare(network({ nodes: fused, constants }, 5, [6, 5]))
    // The map is read again, so that the activation stays on its own.
    const apart = [
      conv('a', 'm', 'w'),
      ...nodes,
      node('j', 'Concat', ['y', 'm'], ['j'], { axis: 1n }),
      conv('j', 'z', 'u'),
    ]
    await compare(network({ nodes: apart, constants }, 5, [6, 5]))
  })

  const pools: [string, NodeProto][] = [
    [
      'MaxPool',
      node('p', 'MaxPool', ['a'], ['p'], {
        kernel_shape: [3n, 3n],
        strides: [2n, 2n],
        pads: [1n, 1n, 1n, 1n],
      }),
    ],
    [
      'MaxPool with ceil_mode',
      node('p', 'MaxPool', ['a'], ['p'], { kernel_shape: [2n, 2n], strides: [2n, 2n], ceil_mode: 1n }),
    ],
    [
      'AveragePool',
      node('p', 'AveragePool', ['a'], ['p'], {
        kernel_shape: [3n, 2n],
        strides: [2n, 1n],
        pads: [1n, 0n, 1n, 1n],
      }),
    ],
    [
      'AveragePool that counts its padding',
      node('p', 'AveragePool', ['a'], ['p'], {
        kernel_shape: [3n, 3n],
        pads: [1n, 1n, 1n, 1n],
        count_include_pad: 1n,
      }),
    ],
    ['GlobalAveragePool', node('p', 'GlobalAveragePool', ['a'], ['p'])],
    ['GlobalMaxPool', node('p', 'GlobalMaxPool', ['a'], ['p'])],
  ]
  it.each(pools)('%s', async (_, pool) => {
    const part = { nodes: [pool, conv('p', 'z', 'w')], constants: { w: weights([5, 6, 1, 1], 3) } }
    await compare(network(part, 6, [7, 5]))
  })

  it('residuals, concatenations, crops, padding and products of maps', async () => {
    const part: Part = {
      nodes: [
        node('r', 'Relu', ['a'], ['r']),
        conv('r', 'c', 'w', { pads: [1n, 1n, 1n, 1n] }),
        node('s', 'Add', ['c', 'r'], ['s']),
        node('t', 'Relu', ['s'], ['t']),
        node('g', 'GlobalAveragePool', ['t'], ['g']),
        conv('g', 'h', 'v'),
        node('i', 'Sigmoid', ['h'], ['i']),
        node('m', 'Mul', ['t', 'i'], ['m']),
        node('d', 'Sub', ['m', 'r'], ['d']),
        node('j', 'Concat', ['d', 'a', 't'], ['j'], { axis: 1n }),
        node('k', 'Slice', ['j', 'starts', 'ends', 'axes'], ['k']),
        node('l', 'Pad', ['k', 'pads'], ['l']),
        conv('l', 'z', 'u'),
      ],
      constants: { w: weights([6, 6, 3, 3], 3), v: weights([6, 6, 1, 1], 4), u: weights([4, 18, 3, 3], 5) },
    }
    const model = network(part, 6, [7, 6])
    for (const [name, list] of Object.entries({
      starts: [1, 0],
      ends: [6, 5],
      axes: [2, 3],
      pads: [0, 0, 1, 0, 0, 0, 0, 2],
    })) {
      model.graph!.initializer.push(constant(name, BigInt64Array.from(list, BigInt), [list.length]))
    }
    await compare(model)
  })

  it.each([
    [7, 8],
    [20, 21],
  ])('a map of %i x %i that convolutions with strides and others read', async (...side) => {
    const strides = { strides: [2n, 2n] }
    const part: Part = {
      nodes: [
        node('r', 'Relu', ['a'], ['r']),
        node('p', 'GlobalAveragePool', ['r'], ['p']),
        conv('r', 'c', 'w', { pads: [1n, 1n, 1n, 1n], ...strides }),
        conv('r', 'd', 'v', strides),
        node('s', 'Add', ['c', 'd'], ['s']),
        conv('r', 'e', 'v', strides),
        conv('r', 'f', 'w', { pads: [1n, 1n, 1n, 1n], ...strides }),
        node('t', 'Add', ['e', 'f'], ['t']),
        node('j', 'Concat', ['s', 't'], ['j'], { axis: 1n }),
        conv('j', 'k', 'u'),
        node('z', 'Mul', ['k', 'p'], ['z']),
      ],
      constants: {
        w: weights([20, 16, 3, 3], 3),
        v: weights([20, 16, 1, 1], 4),
        u: weights([16, 40, 1, 1], 5),
      },
    }
    await compare(network(part, 16, side))
  })

  it('batch normalization with fixed statistics, scales and offsets', async () => {
    const row = (seed: number, from = 0): [number[], Float32Array] => [[6], numbers([6], seed, from)]
    const part: Part = {
      nodes: [
        node('n', 'BatchNormalization', ['a', 'scale', 'bias', 'mean', 'variance'], ['n']),
        node('r', 'Relu', ['n'], ['r']),
        node('m', 'Mul', ['r', 'factor'], ['m']),
        node('s', 'Add', ['m', 'summand'], ['s']),
        conv('s', 'z', 'w'),
      ],
      constants: {
        ...{ scale: row(3, 1), bias: row(4), mean: row(5), variance: row(6, 1), w: weights([4, 6, 3, 3], 7) },
        factor: [[6, 1, 1], numbers([6], 8, 1)],
        summand: [[1, 6, 1, 1], numbers([6], 9)],
      },
    }
    const parameters = await compare(network(part, 6, [6, 5]))
    expect(parameters.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['scale', 'bias', 'factor', 'summand']),
    )
    expect(parameters.map(({ name }) => name)).not.toContain('mean')
  })

  it('products with matrices', async () => {
    const part: Part = {
      nodes: [
        node('f', 'Flatten', ['a'], ['f']),
        node('g', 'Gemm', ['f', 'm1', 'b1'], ['g'], { transB: 1n }),
        node('r', 'Relu', ['g'], ['r']),
        node('h', 'Gemm', ['r', 'm2'], ['h']),
        node('i', 'MatMul', ['h', 'm3'], ['i']),
        node('z', 'Add', ['i', 'b3'], ['z']),
      ],
      constants: {
        m1: weights([9, 5 * 4 * 3], 3),
        b1: [[9], numbers([9], 4)],
        m2: weights([9, 7], 5),
        m3: weights([7, 6], 6),
        b3: [[6], numbers([6], 7)],
      },
    }
    await compare(network(part, 5, [4, 3]))
  })

  it('weights that two convolutions share', async () => {
    const part: Part = {
      nodes: [conv('a', 'c', 'w', { pads: [1n, 1n, 1n, 1n] }, 'b'), conv('c', 'z', 'w', {}, 'b')],
      constants: { w: weights([5, 5, 3, 3], 3), b: [[5], numbers([5], 4)] },
    }
    await compare(network(part, 5, [6, 6]))
  })

  it('the same bits each time', async () => {
    const part: Part = {
      nodes: [conv('a', 'z', 'w', { pads: [1n, 1n, 1n, 1n] })],
      constants: { w: weights([20, 16, 3, 3], 3) },
    }
    const model = network(part, 16, [9, 9])
    const [one, other] = [await gradients(model, 'engine'), await gradients(model, 'engine')]
    expect(one.parameters).toEqual(other.parameters)
  })
})

describe('the engine computes the gradients of normalization over the channels:', () => {
  const channels = 7
  const row = (seed: number, from = 0): [number[], Float32Array] => [
    [channels],
    numbers([channels], seed, from),
  ]
  const last = node('t', 'Transpose', ['a'], ['t'], { perm: [0n, 2n, 3n, 1n] })
  const first = node('u', 'Transpose', ['n'], ['u'], { perm: [0n, 3n, 1n, 2n] })
  const after = conv('u', 'z', 'w')
  const more = { scale: row(3, 1), bias: row(4), w: weights([4, channels, 1, 1], 5) }

  it.each([
    ['LayerNormalization', ['t', 'scale', 'bias']],
    ['LayerNormalization without a bias', ['t', 'scale']],
  ])('%s', async (_, inputs) => {
    const normalize = floatNode('LayerNormalization', inputs, 'n', { epsilon: 1e-3 })
    const constants = inputs.length === 3 ? more : { scale: more.scale, w: more.w }
    const nodes = [last, normalize, first, after]
    const names = (await compare(network({ nodes, constants }, channels, [5, 4]))).map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(inputs.slice(1)))
  })

  it('a LayerNormalization of several operators', async () => {
    const nodes = [
      last,
      node('mean', 'ReduceMean', ['t', 'axis'], ['mean']),
      node('d', 'Sub', ['t', 'mean'], ['d']),
      node('q', 'Mul', ['d', 'd'], ['q']),
      node('variance', 'ReduceMean', ['q', 'axis'], ['variance']),
      node('e', 'Add', ['variance', 'epsilon'], ['e']),
      node('r', 'Sqrt', ['e'], ['r']),
      node('v', 'Div', ['d', 'r'], ['v']),
      node('m', 'Mul', ['v', 'scale'], ['m']),
      node('n', 'Add', ['m', 'bias'], ['n']),
      ...[first, after],
    ]
    const epsilon: [number[], Float32Array] = [[], Float32Array.of(1e-5)]
    const model = network({ nodes, constants: { ...more, epsilon } }, channels, [4, 5])
    model.graph!.initializer.push(constant('axis', BigInt64Array.of(-1n), [1]))
    const names = (await compare(model)).map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['scale', 'bias']))
  })

  it('Softmax', async () => {
    const softmax = node('n', 'Softmax', ['t'], ['n'], { axis: -1n })
    const nodes = [last, softmax, first, after]
    await compare(network({ nodes, constants: { w: more.w } }, channels, [5, 4]))
  })

  it('a block of ConvNeXt', async () => {
    const nodes = [
      conv('a', 'c', 'deep', { pads: [3n, 3n, 3n, 3n], group: 7n }, 'deepBias'),
      node('t', 'Transpose', ['c'], ['t'], { perm: [0n, 2n, 3n, 1n] }),
      floatNode('LayerNormalization', ['t', 'scale', 'bias'], 'n', { epsilon: 1e-6 }),
      node('g', 'MatMul', ['n', 'm1'], ['g']),
      node('h', 'Add', ['b1', 'g'], ['h']),
      node('i', 'Gelu', ['h'], ['i']),
      node('j', 'MatMul', ['i', 'm2'], ['j']),
      node('k', 'Add', ['b2', 'j'], ['k']),
      node('l', 'Transpose', ['k'], ['l'], { perm: [0n, 3n, 1n, 2n] }),
      node('m', 'Mul', ['factor', 'l'], ['m']),
      node('z', 'Add', ['m', 'a'], ['z']),
    ]
    const constants = {
      ...{ scale: more.scale, bias: more.bias, deep: weights([7, 1, 7, 7], 8), deepBias: row(9) },
      ...{ m1: weights([7, 28], 10), m2: weights([28, 7], 11), b2: row(13) },
      b1: [[28], numbers([28], 12)] as [number[], Float32Array],
      factor: [[7, 1, 1], numbers([7], 14, 1)] as [number[], Float32Array],
    }
    const names = (await compare(network({ nodes, constants }, channels, [9, 8]))).map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(Object.keys(constants)))
  })
})

it('other networks are trained in onnxruntime-web', async () => {
  const part: Part = {
    nodes: [node('z', 'InstanceNormalization', ['a', 'scale', 'bias'], ['z'])],
    constants: { scale: [[6], numbers([6], 3, 1)], bias: [[6], numbers([6], 4)] },
  }
  expect((await gradients(network(part, 6, [4, 4]), 'engine')).name).toBe('onnxruntime')
})
