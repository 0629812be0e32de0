import { constant, node } from '../../src/onnx/graph/nodes.ts'
import type { ModelProto } from '../../src/onnx/proto/onnx.ts'
import { floatNode, graphOf, randomWeights } from './engine-oracle.ts'
import { SeededRandom } from './random.ts'

const same = { kernel_shape: [3n, 3n], pads: [1n, 1n, 1n, 1n] }

/**
 * A network with convolutions for every kernel of the engine, normalisation, a shortcut, poolings, squeeze-and-excite
 * and a head.
 */
export function residualCnn(): ModelProto {
  const random = new SeededRandom(1)
  const weights = [
    randomWeights(random, 'stem', [8, 3, 3, 3]),
    ...['scale', 'bias', 'mean'].map((name) => randomWeights(random, name, [8])),
    constant(
      'variance',
      random.floats(8).map((value) => value * value + 0.1),
    ),
    randomWeights(random, 'plain', [8, 8, 3, 3]),
    randomWeights(random, 'each', [8, 1, 3, 3]),
    randomWeights(random, 'groups', [8, 4, 1, 1]),
    randomWeights(random, 'down', [12, 8, 3, 3]),
    randomWeights(random, 'less', [3, 12, 1, 1]),
    randomWeights(random, 'more', [12, 3, 1, 1]),
    randomWeights(random, 'head', [12, 5]),
    randomWeights(random, 'offset', [5]),
  ]
  const nodes = [
    node('n1', 'Conv', ['x', 'stem'], ['a'], { ...same, strides: [1n, 1n] }),
    node('n2', 'BatchNormalization', ['a', 'scale', 'bias', 'mean', 'variance'], ['b']),
    node('n3', 'Relu', ['b'], ['c']),
    node('n4', 'Conv', ['c', 'plain'], ['d'], same),
    node('n5', 'Conv', ['d', 'each'], ['e'], { ...same, group: 8n, dilations: [1n, 1n] }),
    node('n6', 'Conv', ['e', 'groups'], ['f'], { group: 2n }),
    node('n7', 'Add', ['f', 'c'], ['g']),
    node('n8', 'HardSwish', ['g'], ['h']),
    node('n9', 'Conv', ['h', 'down'], ['i'], { ...same, strides: [2n, 2n] }),
    node('n10', 'GlobalAveragePool', ['i'], ['j']),
    node('n11', 'Conv', ['j', 'less'], ['k']),
    node('n12', 'Conv', ['k', 'more'], ['l']),
    node('n13', 'Sigmoid', ['l'], ['m']),
    node('n14', 'Mul', ['i', 'm'], ['n']),
    node('n15', 'MaxPool', ['n'], ['o'], { kernel_shape: [2n, 2n], strides: [2n, 2n], ceil_mode: 1n }),
    node('n16', 'AveragePool', ['o'], ['p'], { kernel_shape: [3n, 3n], pads: [1n, 1n, 1n, 1n] }),
    node('n17', 'ReduceMean', ['p'], ['q'], { axes: [2n, 3n], keepdims: 0n }),
    floatNode('Gemm', ['q', 'head', 'offset'], 'y', { alpha: 0.5 }),
  ]
  return graphOf(3, nodes, weights, ['y'])
}

/**
 * A network that goes to channels-last and back, normalises over channels in both layouts, joins, pads, slices and
 * flattens.
 */
export function spreadCnn(): ModelProto {
  const random = new SeededRandom(2)
  const list = (name: string, ...numbers: number[]) => constant(name, BigInt64Array.from(numbers, BigInt))
  const weights = [
    ...['scale', 'bias'].map((name) => randomWeights(random, name, [3])),
    randomWeights(random, 'wide', [3, 8]),
    randomWeights(random, 'narrow', [8, 3]),
    constant('epsilon', Float32Array.of(1e-5), []),
    constant('two', Float32Array.of(2), []),
    list('pads', 0, 0, 1, 0, 0, 0, 0, 2),
    list('first', 1),
    list('last', 12),
    list('axis', 3),
  ]
  const nodes = [
    node('n1', 'Transpose', ['x'], ['t'], { perm: [0n, 2n, 3n, 1n] }),
    node('n2', 'LayerNormalization', ['t', 'scale', 'bias'], ['n'], { axis: -1n }),
    node('n3', 'MatMul', ['n', 'wide'], ['w']),
    node('n4', 'Tanh', ['w'], ['a']),
    node('n5', 'MatMul', ['a', 'narrow'], ['m']),
    node('n6', 'ReduceMean', ['m'], ['mean'], { axes: [-1n] }),
    node('n7', 'Sub', ['m', 'mean'], ['c']),
    node('n8', 'Pow', ['c', 'two'], ['q']),
    node('n9', 'ReduceMean', ['q'], ['v'], { axes: [-1n] }),
    node('n10', 'Add', ['v', 'epsilon'], ['e']),
    node('n11', 'Sqrt', ['e'], ['r']),
    node('n12', 'Div', ['c', 'r'], ['d']),
    node('n13', 'Softmax', ['d'], ['s'], { axis: -1n }),
    node('n14', 'Transpose', ['s'], ['u'], { perm: [0n, 3n, 1n, 2n] }),
    node('n15', 'Concat', ['u', 'x'], ['j'], { axis: 1n }),
    node('n16', 'Pad', ['j', 'pads'], ['p']),
    node('n17', 'Slice', ['p', 'first', 'last', 'axis'], ['z']),
    node('n18', 'GlobalMaxPool', ['z'], ['g']),
    node('n19', 'Flatten', ['g'], ['y']),
  ]
  return graphOf(3, nodes, weights, ['y'])
}
