import { expect, it } from 'vitest'
import { compare, floatNode, graphOf, randomWeights } from '../../../test/support/engine-oracle.ts'
import { nativeOrt } from '../../../test/support/native-ort.ts'
import { SeededRandom } from '../../../test/support/random.ts'
import { constant, node } from '../../onnx/graph/nodes.ts'
import type { NodeProto } from '../../onnx/proto/onnx.ts'

// Compares every operator with native ONNX Runtime, on seeded random shapes.

type Case = (
  random: SeededRandom,
) => { channels: number; height: number; width: number; batch?: number } & Parts
interface Parts {
  nodes: Parameters<typeof graphOf>[1]
  weights?: Parameters<typeof graphOf>[2]
  outputs?: string[]
  opset?: number
  /** The factor and offset of the inputs. */
  scale?: number
  shift?: number
}

const has = nativeOrt() !== undefined
const big = BigInt
const list = (numbers: number[]) => numbers.map(big)

function each(name: string, rounds: number, make: Case) {
  it.runIf(has)(name, async () => {
    for (let seed = 1; seed <= rounds; seed++) {
      const random = new SeededRandom(seed * 7919)
      const {
        channels,
        height,
        width,
        batch = random.integer(1, 3),
        nodes,
        weights = [],
        ...o
      } = make(random)
      const model = graphOf(channels, nodes, weights, o.outputs ?? ['y'], o.opset)
      const dims = [batch, channels, height, width]
      const { scale = 1, shift = 0 } = o
      const x = random.floats(batch * channels * height * width, scale).map((value) => value + shift)
      const { outputs } = await compare(model, dims, x)
      for (const { name: output, dims: mine, wantedDims, error } of outputs) {
        const what = `seed ${seed}: ${output} of [${dims}]`
        expect(mine, what).toEqual(wantedDims)
        expect(error, what).toBeLessThan(1e-4)
      }
    }
  })
}

/** A convolution whose windows fit into the map. */
function convolution(random: SeededRandom, o: { channels?: number; filters?: number; groups?: number } = {}) {
  const groups = o.groups ?? 1
  const channels = o.channels ?? random.pick(1, 2, 3, 4, 5, 8, 12, 16, 17)
  const filters = o.filters ?? random.pick(1, 2, 3, 4, 7, 8, 9, 16, 20)
  const kernel = [random.integer(1, 5), random.integer(1, 5)]
  const dilations = random.pick([1, 1], [1, 1], [2, 1], [1, 3], [2, 2])
  const strides = random.pick([1, 1], [2, 2], [1, 2], [3, 1])
  const pads = [0, 0, 0, 0].map(() => random.integer(0, 3))
  const [height, width] = [0, 1].map((i) => {
    const reach = (kernel[i] - 1) * dilations[i] + 1
    return Math.max(1, reach - pads[i] - pads[i + 2]) + random.integer(0, 12)
  })
  const attributes = {
    kernel_shape: list(kernel),
    strides: list(strides),
    dilations: list(dilations),
    pads: list(pads),
    group: big(groups),
  }
  const weights = [
    randomWeights(random, 'w', [filters, channels / groups, ...kernel]),
    randomWeights(random, 'b', [filters]),
  ]
  const inputs = random.pick(['x', 'w', 'b'], ['x', 'w'])
  return { channels, height, width, filters, weights, node: node('conv', 'Conv', inputs, ['y'], attributes) }
}

each('Conv: strides, padding, dilation, odd sizes', 60, (random) => {
  const made = convolution(random)
  return { ...made, nodes: [made.node] }
})

each('Conv of groups', 30, (random) => {
  const groups = random.pick(2, 3, 4)
  const of = () => groups * random.integer(1, 6)
  const made = convolution(random, { groups, channels: of(), filters: of() })
  return { ...made, nodes: [made.node] }
})

each('Conv of each channel by itself', 40, (random) => {
  const channels = random.pick(1, 2, 3, 4, 6, 8, 20, 33)
  const made = convolution(random, {
    groups: channels,
    channels,
    filters: channels * random.pick(1, 1, 1, 2),
  })
  return { ...made, nodes: [made.node] }
})

each('Conv of 3 x 3, which Winograd serves', 30, (random) => {
  const channels = random.pick(4, 8, 16, 24, 40, 64)
  const filters = random.pick(4, 6, 8, 13, 16, 24, 64)
  const weights = [
    randomWeights(random, 'w', [filters, channels, 3, 3]),
    randomWeights(random, 'b', [filters]),
  ]
  const pads = random.pick([1, 1, 1, 1], [0, 0, 0, 0], [2, 1, 0, 2])
  const nodes = [
    node('conv', 'Conv', ['x', 'w', 'b'], ['c'], { kernel_shape: [3n, 3n], pads: list(pads) }),
    random.pick(
      node('relu', 'Relu', ['c'], ['y']),
      node('swish', 'HardSwish', ['c'], ['y']),
      node('same', 'Identity', ['c'], ['y']),
    ),
  ]
  return { channels, height: random.integer(3, 30), width: random.integer(3, 30), nodes, weights }
})

/** A convolution of `x` with `w` and `b`, followed by an activation or a residual addition. */
function finishedConv(random: SeededRandom, attributes: Parameters<typeof node>[4]): NodeProto[] {
  return [
    node('conv', 'Conv', ['x', 'w', 'b'], ['c'], attributes),
    random.pick(
      [node('relu', 'Relu', ['c'], ['y'])],
      [node('same', 'HardSwish', ['c'], ['y'])],
      [node('other', 'Conv', ['x', 'w'], ['d'], attributes), node('add', 'Add', ['c', 'd'], ['y'])],
    ),
  ].flat()
}

each('Conv of 3 x 3 with stride 2, which a form of Winograd serves', 30, (random) => {
  const channels = random.pick(4, 16, 24, 64, 160)
  const filters = random.pick(6, 13, 16, 24, 64, 200)
  const weights = [
    randomWeights(random, 'w', [filters, channels, 3, 3]),
    randomWeights(random, 'b', [filters]),
  ]
  const pads = random.pick([1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 1, 1], [2, 1, 0, 2])
  const attributes = { kernel_shape: [3n, 3n], strides: [2n, 2n], pads: list(pads) }
  const nodes = finishedConv(random, attributes)
  return { channels, height: random.integer(3, 30), width: random.integer(3, 30), nodes, weights }
})

each('Conv of 7 x 7 with stride 2 and few channels, as at the start of a ResNet', 20, (random) => {
  const channels = random.pick(1, 2, 3, 4, 5)
  const filters = random.pick(3, 13, 16, 24, 64)
  const weights = [
    randomWeights(random, 'w', [filters, channels, 7, 7]),
    randomWeights(random, 'b', [filters]),
  ]
  const pads = random.pick([3, 3, 3, 3], [0, 0, 0, 0], [2, 1, 3, 0])
  const attributes = { kernel_shape: [7n, 7n], strides: [2n, 2n], pads: list(pads) }
  const nodes = finishedConv(random, attributes)
  return { channels, height: random.integer(7, 60), width: random.integer(7, 60), nodes, weights }
})

each('Conv of 3 x 3 with so many weights that they are transformed on the way', 4, (random) => {
  const [channels, filters] = [random.pick(260, 512), random.pick(250, 384)]
  const stride = random.pick(1n, 2n)
  const attributes = { kernel_shape: [3n, 3n], strides: [stride, stride], pads: list([1, 1, 1, 1]) }
  const weights = [
    randomWeights(random, 'w', [filters, channels, 3, 3], 0.1),
    randomWeights(random, 'b', [filters]),
  ]
  const nodes = [node('conv', 'Conv', ['x', 'w', 'b'], ['y'], attributes)]
  return { channels, height: random.integer(3, 15), width: random.integer(3, 15), nodes, weights }
})

each('Conv on one pixel, of 1,000 channels, with 1,000 filters', 6, (random) => {
  const channels = random.pick(1, 1000)
  const filters = random.pick(1, 1000)
  const weights = [
    randomWeights(random, 'w', [filters, channels, 1, 1]),
    randomWeights(random, 'b', [filters]),
  ]
  return { channels, height: 1, width: 1, weights, nodes: [node('conv', 'Conv', ['x', 'w', 'b'], ['y'])] }
})

each('Conv with padding that the operator finds', 20, (random) => {
  const channels = random.integer(1, 6)
  const strides = [random.integer(1, 3), random.integer(1, 3)]
  const kernel = [random.integer(1, 5), random.integer(1, 5)]
  const attributes = {
    auto_pad: random.pick('SAME_UPPER', 'SAME_LOWER', 'VALID'),
    kernel_shape: list(kernel),
    strides: list(strides),
  }
  const weights = [randomWeights(random, 'w', [5, channels, ...kernel])]
  const nodes = [node('conv', 'Conv', ['x', 'w'], ['y'], attributes)]
  return { channels, height: random.integer(5, 15), width: random.integer(5, 15), nodes, weights }
})

each('Conv, normalised, with a shortcut and an activation', 20, (random) => {
  const channels = random.pick(3, 4, 8, 16)
  const positive = randomWeights(random, 'variance', [channels])
  positive.rawData = new Uint8Array(
    new Float32Array(positive.rawData.slice().buffer).map((v) => v * v + 0.1).buffer,
  )
  const weights = [
    randomWeights(random, 'w', [channels, channels, 3, 3]),
    randomWeights(random, 'w2', [channels, channels, 1, 1]),
    randomWeights(random, 'b', [channels]),
    ...['scale', 'bias', 'mean'].map((name) => randomWeights(random, name, [channels])),
    positive,
  ]
  const same = { kernel_shape: [3n, 3n], pads: [1n, 1n, 1n, 1n] }
  const nodes = [
    node('conv', 'Conv', ['x', 'w', 'b'], ['c'], same),
    node('bn', 'BatchNormalization', ['c', 'scale', 'bias', 'mean', 'variance'], ['n']),
    node('short', 'Conv', ['x', 'w2'], ['s']),
    node('add', 'Add', random.pick(['n', 's'], ['s', 'n'], ['n', 'x']), ['a']),
    node('relu', random.pick('Relu', 'LeakyRelu', 'HardSwish', 'Sigmoid'), ['a'], ['y']),
  ]
  // A layer in between must be kept if it is an output.
  const outputs = random.pick(['y'], ['y', 'a'], ['n', 'y'], ['c', 'n', 'a', 'y'])
  return { channels, height: random.integer(1, 12), width: random.integer(1, 12), nodes, weights, outputs }
})

each('BatchNormalization alone', 6, (random) => {
  const channels = random.integer(1, 9)
  const weights = [
    ...['scale', 'bias', 'mean'].map((name) => randomWeights(random, name, [channels])),
    constant(
      'variance',
      random.floats(channels).map((v) => v * v + 0.1),
    ),
  ]
  const nodes = [node('bn', 'BatchNormalization', ['x', 'scale', 'bias', 'mean', 'variance'], ['y'])]
  return { channels, height: random.integer(1, 9), width: random.integer(1, 9), nodes, weights }
})

each('MaxPool and AveragePool', 60, (random) => {
  const kernel = [random.integer(1, 4), random.integer(1, 4)]
  const pads = kernel.flatMap((n) => random.integer(0, n >> 1))
  const op = random.pick('MaxPool', 'AveragePool')
  const attributes = {
    kernel_shape: list(kernel),
    strides: list([random.integer(1, 3), random.integer(1, 3)]),
    pads: list([...pads, ...pads]),
    ceil_mode: big(random.integer(0, 1)),
    ...(op === 'AveragePool' && { count_include_pad: big(random.integer(0, 1)) }),
    ...(op === 'MaxPool' && { dilations: list(random.pick([1, 1], [2, 1])) }),
  }
  const nodes = [node('pool', op, ['x'], ['y'], attributes)]
  const sizes = { height: random.integer(8, 15), width: random.integer(8, 15) }
  return { channels: random.pick(1, 3, 4, 9), ...sizes, nodes, shift: -2, opset: 19 }
})

each('global poolings and their other names', 20, (random) => {
  const nodes = [
    random.pick(
      node('pool', 'GlobalAveragePool', ['x'], ['y']),
      node('pool', 'GlobalMaxPool', ['x'], ['y']),
      node('pool', 'ReduceMean', ['x'], ['y'], { axes: [2n, 3n], keepdims: 0n }),
      node('pool', 'ReduceMean', ['x'], ['y'], { axes: [-1n, -2n] }),
    ),
  ]
  const channels = random.pick(1, 5, 1000)
  return { channels, height: random.integer(1, 9), width: random.integer(1, 9), nodes }
})

each('Gemm and MatMul behind Flatten', 30, (random) => {
  const [channels, height, width] = [random.integer(1, 9), random.integer(1, 5), random.integer(1, 5)]
  const [rows, filters] = [channels * height * width, random.pick(1, 3, 8, 21)]
  const isGemm = random.pick(true, false)
  const transB = random.integer(0, 1)
  const dims = isGemm && transB ? [filters, rows] : [rows, filters]
  const floats = { alpha: random.pick(1, 0.5), beta: random.pick(1, 2) }
  const nodes = [
    random.pick(node('flat', 'Flatten', ['x'], ['f']), node('flat', 'Reshape', ['x', 'shape'], ['f'], {})),
    isGemm
      ? floatNode('Gemm', ['f', 'w', 'b'], 'y', floats, { transB: big(transB) })
      : node('product', 'MatMul', ['f', 'w'], ['y']),
  ]
  const weights = [
    randomWeights(random, 'w', dims),
    randomWeights(random, 'b', random.pick([filters], [1, filters], [1])),
    constant('shape', BigInt64Array.of(random.pick(0n, -1n), big(rows))),
  ]
  return { channels, height, width, nodes, weights }
})

each('activations', 50, (random) => {
  const nodes = [
    random.pick(
      node('a', 'Relu', ['x'], ['y']),
      node('a', 'Sigmoid', ['x'], ['y']),
      node('a', 'Tanh', ['x'], ['y']),
      node('a', 'HardSwish', ['x'], ['y']),
      node('a', 'Erf', ['x'], ['y']),
      node('a', 'Exp', ['x'], ['y']),
      node('a', 'Abs', ['x'], ['y']),
      node('a', 'Neg', ['x'], ['y']),
      node('a', 'Clip', ['x', 'low', 'high'], ['y']),
      node('a', 'Clip', ['x', '', 'high'], ['y']),
      floatNode('LeakyRelu', ['x'], 'y', { alpha: 0.2 }),
      floatNode('HardSigmoid', ['x'], 'y', { alpha: 0.3, beta: 0.4 }),
      floatNode('Elu', ['x'], 'y', { alpha: 0.7 }),
      node('a', 'Gelu', ['x'], ['y']),
      node('a', 'Gelu', ['x'], ['y'], { approximate: 'tanh' }),
      node('a', 'Identity', ['x'], ['y']),
    ),
  ]
  const weights = [constant('low', Float32Array.of(-0.5), []), constant('high', Float32Array.of(0.7), [])]
  const sizes = { height: random.integer(1, 6), width: random.integer(1, 6) }
  return { channels: random.integer(1, 9), ...sizes, nodes, weights, scale: random.pick(1, 4, 30), opset: 20 }
})

each('Sqrt and Reciprocal', 4, (random) => {
  const nodes = [node('a', random.pick('Sqrt', 'Reciprocal'), ['x'], ['y'])]
  return { channels: 5, height: 3, width: 4, nodes, shift: 1.5 }
})

each('activations that are spelt out', 24, (random) => {
  const number = (name: string, value: number) => constant(name, Float32Array.of(value), [])
  const weights = [
    ...[number('three', 3), number('six', 6), number('zero', 0), number('root', Math.SQRT2)],
    ...[number('one', 1), number('half', 0.5)],
  ]
  const nodes = random.pick(
    [node('s', 'Sigmoid', ['x'], ['s']), node('m', 'Mul', random.pick(['x', 's'], ['s', 'x']), ['y'])],
    [node('s', 'HardSigmoid', ['x'], ['s']), node('m', 'Mul', ['x', 's'], ['y'])],
    [
      node('p', 'Add', ['x', 'three'], ['p']),
      node('c', 'Clip', ['p', 'zero', 'six'], ['c']),
      node('m', 'Mul', ['x', 'c'], ['m']),
      node('d', 'Div', ['m', 'six'], ['y']),
    ],
    [
      node('p', 'Add', ['x', 'three'], ['p']),
      node('c', 'Clip', ['p', 'zero', 'six'], ['c']),
      node('d', 'Div', ['c', 'six'], ['d']),
      node('m', 'Mul', ['x', 'd'], ['y']),
    ],
    [
      node('d', 'Div', ['x', 'root'], ['d']),
      node('e', 'Erf', ['d'], ['e']),
      node('p', 'Add', ['e', 'one'], ['p']),
      node('m', 'Mul', ['x', 'p'], ['m']),
      node('h', 'Mul', ['m', 'half'], ['y']),
    ],
    [
      node('e', 'Erf', ['x'], ['e']),
      node('p', 'Add', ['e', 'one'], ['p']),
      node('m', 'Mul', ['x', 'p'], ['y']),
    ],
  )
  const outputs = random.pick(['y'], [nodes[0].output[0], 'y'])
  const sizes = { height: random.integer(1, 6), width: random.integer(1, 6) }
  return { channels: random.integer(1, 9), ...sizes, nodes, weights, outputs, scale: 5 }
})

each('Add, Mul, Sub, Div, Max and Min, broadcast', 60, (random) => {
  const [channels, height, width] = [random.integer(1, 9), random.integer(1, 6), random.integer(1, 6)]
  const op = random.pick('Add', 'Mul', 'Sub', 'Div', 'Max', 'Min')
  const dims = random.pick(
    [],
    [1],
    [channels, 1, 1],
    [1, channels, 1, 1],
    [channels, height, width],
    [width],
    [1, 1, height, 1],
  )
  const weights = [
    constant(
      'c',
      random.floats(dims.reduce((all, n) => all * n, 1)).map((v) => v + 2),
      dims,
    ),
  ]
  const nodes = [
    node('pool', 'GlobalAveragePool', ['x'], ['pooled']),
    node('op', op, random.pick(['x', 'c'], ['c', 'x'], ['x', 'pooled'], ['pooled', 'x'], ['x', 'x']), ['y']),
  ]
  return { channels, height, width, nodes, weights, shift: 3 }
})

each('squeeze and excite', 10, (random) => {
  const channels = random.pick(4, 6, 16)
  const weights = [
    randomWeights(random, 'w1', [3, channels, 1, 1]),
    randomWeights(random, 'b1', [3]),
    randomWeights(random, 'w2', [channels, 3, 1, 1]),
  ]
  const nodes = [
    node('pool', 'GlobalAveragePool', ['x'], ['p']),
    node('c1', 'Conv', ['p', 'w1', 'b1'], ['c1']),
    node('relu', 'Relu', ['c1'], ['r']),
    node('c2', 'Conv', ['r', 'w2'], ['c2']),
    node('gate', random.pick('Sigmoid', 'HardSigmoid'), ['c2'], ['g']),
    node('mul', 'Mul', random.pick(['x', 'g'], ['g', 'x']), ['y']),
  ]
  return { channels, height: random.integer(1, 9), width: random.integer(1, 9), nodes, weights }
})

each('Concat, Pad, Slice', 40, (random) => {
  const channels = random.integer(1, 9)
  const [height, width] = [random.integer(3, 9), random.integer(3, 9)]
  const integers = (name: string, ...numbers: number[]) => constant(name, BigInt64Array.from(numbers, big))
  const weights = [
    integers('pads', 0, 0, 1, 2, 0, 0, 0, 3),
    constant('fill', Float32Array.of(random.pick(0, -1.5)), []),
    integers('first', 1),
    integers('last', random.pick(-1, 1000)),
    integers('axis', random.pick(2, 3, -1)),
    integers('behind', -1),
    integers('before', -1000),
    integers('three', 3),
  ]
  const nodes = [
    node('relu', 'Relu', ['x'], ['r']),
    ...random.pick(
      [node('join', 'Concat', ['x', 'r', 'x'], ['j'], { axis: random.pick(1n, -3n) })],
      [node('pad', 'Pad', ['x', 'pads', 'fill'], ['j'])],
      [node('slice', 'Slice', ['x', 'first', 'last', 'axis'], ['j'])],
      [node('turn', 'Slice', ['x', 'behind', 'before', 'three', 'behind'], ['j'])],
    ),
    node('last', random.pick('Neg', 'Tanh'), ['j'], ['y']),
  ]
  return { channels, height, width, nodes, weights, outputs: ['y', 'r'] }
})

each('a border around a padded map', 10, (random) => {
  const channels = random.pick(3, 8)
  const weights = [
    constant('pads', BigInt64Array.of(0n, 0n, 1n, 0n, 0n, 0n, 2n, 1n)),
    constant('fill', Float32Array.of(random.pick(0, 2)), []),
    randomWeights(random, 'w', [8, channels, 3, 3]),
  ]
  const nodes = [
    node('pad', 'Pad', ['x', 'pads', 'fill'], ['p']),
    node('conv', 'Conv', ['p', 'w'], ['y'], { kernel_shape: [3n, 3n], pads: [1n, 1n, 1n, 1n] }),
  ]
  return { channels, height: random.integer(3, 9), width: random.integer(3, 9), nodes, weights }
})

each('channels last: LayerNormalization, MatMul, GELU and back', 20, (random) => {
  const channels = random.pick(1, 3, 8, 30)
  const weights = [
    ...['scale', 'bias'].map((name) => randomWeights(random, name, [channels])),
    randomWeights(random, 'w', [channels, 2 * channels]),
    randomWeights(random, 'b', [2 * channels]),
    randomWeights(random, 'w2', [2 * channels, channels]),
    randomWeights(random, 'gamma', [channels, 1, 1]),
  ]
  const nodes = [
    node('t', 'Transpose', ['x'], ['t'], { perm: [0n, 2n, 3n, 1n] }),
    floatNode('LayerNormalization', ['t', 'scale', 'bias'], 'n', { epsilon: 1e-6 }, { axis: -1n }),
    node('m', 'MatMul', ['n', 'w'], ['m']),
    node('a', 'Add', ['b', 'm'], ['a']),
    node('g', 'Gelu', ['a'], ['g']),
    node('m2', 'MatMul', ['g', 'w2'], ['m2']),
    node('s', 'Softmax', ['m2'], ['s']),
    node('u', 'Transpose', [random.pick('m2', 's')], ['u'], { perm: [0n, 3n, 1n, 2n] }),
    node('k', 'Mul', ['gamma', 'u'], ['k']),
    node('r', 'Add', ['k', 'x'], ['y']),
  ]
  return { channels, height: random.integer(1, 7), width: random.integer(1, 7), nodes, weights, opset: 20 }
})

each('LayerNormalization that is spelt out', 30, (random) => {
  const channels = random.pick(1, 3, 8, 30, 1000)
  const isLast = random.pick(true, false)
  const shape = isLast
    ? random.pick([channels], [1, 1, 1, channels])
    : random.pick([channels, 1, 1], [1, channels, 1, 1])
  const axes = [isLast ? random.pick(-1n, 3n) : 1n]
  const weights = [
    constant('epsilon', Float32Array.of(1e-6), []),
    constant('two', Float32Array.of(2), []),
    constant('scale', random.floats(channels), shape),
    constant('bias', random.floats(channels), shape),
  ]
  const x = isLast ? 't' : 'x'
  const end = random.pick('divided', 'scaled', 'biased')
  const nodes = [
    ...(isLast ? [node('t', 'Transpose', ['x'], ['t'], { perm: [0n, 2n, 3n, 1n] })] : []),
    node('mean', 'ReduceMean', [x], ['m'], { axes }),
    node('sub', 'Sub', [x, 'm'], ['c']),
    random.pick(node('pow', 'Pow', ['c', 'two'], ['q']), node('mul', 'Mul', ['c', 'c'], ['q'])),
    node('variance', 'ReduceMean', ['q'], ['v'], { axes }),
    node('add', 'Add', random.pick(['v', 'epsilon'], ['epsilon', 'v']), ['e']),
    node('sqrt', 'Sqrt', ['e'], ['r']),
    node('div', 'Div', ['c', 'r'], ['divided']),
    node('times', 'Mul', random.pick(['divided', 'scale'], ['scale', 'divided']), ['scaled']),
    node('bias', 'Add', ['scaled', 'bias'], ['biased']),
  ]
  nodes.push(
    isLast
      ? node('back', 'Transpose', [end], ['y'], { perm: [0n, 3n, 1n, 2n] })
      : node('back', 'Neg', [end], ['y']),
  )
  return { channels, height: random.integer(1, 7), width: random.integer(1, 7), nodes, weights }
})

each('Softmax, old and new', 10, (random) => {
  const opset = random.pick(11, 13)
  const nodes = [
    node('pool', 'GlobalMaxPool', ['x'], ['p']),
    node('flat', 'Flatten', ['p'], ['f']),
    node('s', 'Softmax', ['f'], ['y'], { axis: 1n }),
  ]
  return { channels: random.pick(1, 5, 1000), height: 2, width: 3, nodes, opset, scale: 20 }
})

each('Resize to the nearest pixels and between them', 120, (random) => {
  const channels = random.integer(1, 9)
  const [height, width] = [random.integer(1, 9), random.integer(1, 9)]
  const mode = random.pick('linear', 'nearest')
  const placing = random.pick('half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric')
  const rounding = random.pick('round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil')
  const factor = () => random.pick(0.5, 1, 1.5, 2, 2.3, 3)
  const [down, right] = [height, width].map((side) => Math.max(factor(), 1 / side))
  const sides = [random.integer(1, 20), random.integer(1, 20)]
  const isLast = random.pick(true, false)
  const turned = <T>([n, c, y, x]: T[]) => (isLast ? [n, y, x, c] : [n, c, y, x])
  const weights = [
    constant('scales', Float32Array.from(turned([1, 1, down, right]))),
    constant('sides', BigInt64Array.from(turned([0, channels, ...sides]).slice(1), big)),
    randomWeights(random, 'w', [8, channels, 3, 3]),
  ]
  const attributes = { mode, coordinate_transformation_mode: placing, nearest_mode: rounding }
  const inputs = random.pick(['', 'scales'], ['', '', 'sizes'])
  const [from, to] = isLast ? ['t', 'u'] : ['x', 'r']
  const nodes = [
    ...(isLast ? [node('t', 'Transpose', ['x'], ['t'], { perm: [0n, 2n, 3n, 1n] })] : []),
    node('batch', 'Shape', ['x'], ['n'], { start: 0n, end: 1n }),
    node('join', 'Concat', ['n', 'sides'], ['sizes'], { axis: 0n }),
    node('resize', 'Resize', [from, ...inputs], [to], attributes),
    ...(isLast ? [node('u', 'Transpose', ['u'], ['r'], { perm: [0n, 3n, 1n, 2n] })] : []),
    node('neg', 'Neg', ['r'], ['y']),
    node('conv', 'Conv', ['r', 'w'], ['c'], { kernel_shape: [3n, 3n], pads: [1n, 1n, 1n, 1n] }),
  ]
  return { channels, height, width, nodes, weights, outputs: ['y', 'c'] }
})
