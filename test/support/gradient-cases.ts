import { differentiate } from '../../src/onnx/gradient/differentiate.ts'
import { GraphBuilder } from '../../src/onnx/gradient/graph-builder.ts'
import { numbersOf } from '../../src/onnx/graph/attributes.ts'
import { constant, node, tensorInfo } from '../../src/onnx/graph/nodes.ts'
import { create } from '../../src/onnx/proto/message.ts'
import {
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  ValueInfoProtoSchema,
} from '../../src/onnx/proto/onnx.ts'
import { floatNode } from './engine-oracle.ts'
import { SeededRandom } from './random.ts'

/** A small graph of one operator, with the tensors whose gradients test its rule. */
export interface GradientCase {
  name: string
  nodes: NodeProto[]
  /** Float inputs, whose gradients are compared. */
  inputs: Record<string, { dims: number[]; values: Float64Array }>
  constants: TensorProto[]
  outputs: string[]
  opset: number
}

type Values = (random: SeededRandom) => number

/** Numbers from -2 to 2 that are at least 0.05 away from multiples of 1/2, where most kinks are. */
const apart: Values = (random) => {
  const value = 4 * random.next() - 2
  return Math.round(value * 2) / 2 + Math.sign(value) * (0.05 + 0.15 * random.next())
}
const positive: Values = (random) => 0.5 + 1.5 * random.next()

class Case {
  readonly inputs: GradientCase['inputs'] = {}
  readonly constants: TensorProto[] = []
  readonly random: SeededRandom
  nodes: NodeProto[] = []
  outputs = ['y']
  opset = 18

  constructor(random: SeededRandom) {
    this.random = random
  }

  input(name: string, dims: number[], values: Values = apart): this {
    const length = dims.reduce((all, n) => all * n, 1)
    this.inputs[name] = {
      dims,
      values: Float64Array.from({ length }, () => Math.fround(values(this.random))),
    }
    return this
  }

  /** Values that differ by at least 0.05, in random order, so that a maximum is unique. */
  distinct(name: string, dims: number[]): this {
    const length = dims.reduce((all, n) => all * n, 1)
    const order = Array.from({ length }, (_, i) => [this.random.next(), i] as const).sort(
      (a, b) => a[0] - b[0],
    )
    const values = Float64Array.from(order, ([, i]) => Math.fround((i - length / 2) * 0.06))
    this.inputs[name] = { dims, values }
    return this
  }

  ints(name: string, ...values: number[]): this {
    this.constants.push(constant(name, BigInt64Array.from(values, BigInt)))
    return this
  }

  float(name: string, value: number): this {
    this.constants.push(constant(name, Float32Array.of(value), []))
    return this
  }

  op(...args: Parameters<typeof node> extends [string, ...infer Rest] ? Rest : never): this {
    this.nodes.push(node(`n${this.nodes.length}`, ...args))
    return this
  }
}

const list = (numbers: number[]) => numbers.map(BigInt)
const some = (random: SeededRandom, low = 1, high = 4) => random.integer(low, high)

/** Dimensions of a map [N, C, H, W]. */
function map(random: SeededRandom, channels = some(random)): number[] {
  return [some(random, 1, 3), channels, some(random, 4, 9), some(random, 4, 9)]
}

function window(random: SeededRandom, rank = 2) {
  const of = (low: number, high: number) => Array.from({ length: rank }, () => random.integer(low, high))
  return {
    kernel: of(1, 3),
    strides: of(1, 3),
    dilations: random.pick(of(1, 1), of(1, 2)),
    pads: [...of(0, 1), ...of(0, 1)],
  }
}

const unary =
  (op: string, values: Values = apart, floats: Record<string, number> = {}, opset = 20) =>
  (c: Case) => {
    c.input('x', [some(c.random), some(c.random), some(c.random)], values)
    c.nodes = [floatNode(op, ['x'], 'y', floats)]
    c.opset = opset
  }

const binary =
  (op: string, values: Values = apart) =>
  (c: Case) => {
    const dims = [some(c.random), some(c.random), some(c.random)]
    const other = c.random.pick(
      dims,
      dims.slice(1),
      [dims[0], 1, dims[2]],
      [1],
      [],
      [2, 1, ...dims.slice(1)].slice(dims[0] === 2 ? 0 : 2),
    )
    const [a, b] = c.random.pick([dims, other], [other, dims])
    c.input('a', a, values).input('b', b, values).op(op, ['a', 'b'], ['y'])
  }

/** Creates the case of each kind from random numbers. */
const makers: Record<string, (c: Case) => void> = {
  Add: binary('Add'),
  Sub: binary('Sub'),
  Mul: binary('Mul'),
  Div: binary('Div', positive),
  Pow: binary('Pow', positive),
  'Pow, squared': (c) => void c.input('x', [2, 3]).float('two', 2).op('Pow', ['x', 'two'], ['y']),
  Neg: unary('Neg'),
  Abs: unary('Abs'),
  Reciprocal: unary('Reciprocal'),
  Sqrt: unary('Sqrt', positive),
  Exp: unary('Exp'),
  Log: unary('Log', positive),
  Relu: unary('Relu'),
  LeakyRelu: unary('LeakyRelu', apart, { alpha: 0.2 }),
  PRelu: (c) => {
    const dims = map(c.random)
    c.input('x', dims)
    c.input('slope', c.random.pick([dims[1], 1, 1], [1], dims)).op('PRelu', ['x', 'slope'], ['y'])
  },
  Elu: unary('Elu', apart, { alpha: 0.7 }),
  Clip: (c) => {
    c.input('x', [3, 5]).float('low', -1).float('high', 1.5)
    c.op('Clip', c.random.pick(['x', 'low', 'high'], ['x', '', 'high'], ['x', 'low'], ['x']), ['y'])
  },
  Sigmoid: unary('Sigmoid'),
  HardSigmoid: unary('HardSigmoid', apart, { alpha: 0.6, beta: 0.4 }),
  HardSwish: unary('HardSwish', (random) => 2.1 * apart(random)),
  Tanh: unary('Tanh'),
  Erf: unary('Erf'),
  Softplus: unary('Softplus'),
  Gelu: unary('Gelu'),
  'Gelu, tanh': (c) => {
    c.input('x', [2, 7]).op('Gelu', ['x'], ['y'], { approximate: 'tanh' })
    c.opset = 20
  },
  Where: (c) => {
    c.input('x', [3, 4]).input('a', [3, 1]).input('b', [4]).float('zero', 0)
    c.op('Greater', ['x', 'zero'], ['condition']).op('Where', ['condition', 'a', 'b'], ['w'])
    c.op('Add', ['w', 'x'], ['y'])
  },
  Cast: (c) => {
    c.input('x', [3, 4]).op('Cast', ['x'], ['d'], { to: BigInt(DataType.DOUBLE) })
    c.op('Mul', ['d', 'd'], ['m']).op('Cast', ['m'], ['y'], { to: BigInt(DataType.FLOAT) })
  },
  'Identity and Dropout': (c) => {
    c.input('x', [3, 4]).op('Identity', ['x'], ['i']).op('Dropout', ['i'], ['y'])
  },
  'a tensor used twice': (c) => {
    c.input('x', [3, 4]).op('Tanh', ['x'], ['t']).op('Mul', ['x', 't'], ['m']).op('Add', ['m', 't'], ['y'])
  },
  ReduceSum: (c) => {
    c.input('x', [2, 3, 4]).ints('axes', ...c.random.pick([1], [0, -1], [0, 1, 2]))
    c.op('ReduceSum', c.random.pick(['x', 'axes'], ['x']), ['y'], { keepdims: c.random.pick(0n, 1n) })
  },
  ReduceMean: (c) => {
    const axes = c.random.pick([1], [2, 3], [-1])
    c.opset = c.random.pick(13, 18)
    const keepdims = c.random.pick(0n, 1n)
    c.input('x', map(c.random)).ints('axes', ...axes)
    if (c.opset === 18) c.op('ReduceMean', ['x', 'axes'], ['y'], { keepdims })
    else c.op('ReduceMean', ['x'], ['y'], { axes: list(axes), keepdims })
  },
  ReduceMax: (c) => {
    c.distinct('x', map(c.random)).ints('axes', ...c.random.pick([1], [2, 3], [-1]))
    c.op('ReduceMax', ['x', 'axes'], ['y'], { keepdims: c.random.pick(0n, 1n) })
  },
  GlobalAveragePool: (c) => void c.input('x', map(c.random)).op('GlobalAveragePool', ['x'], ['y']),
  GlobalMaxPool: (c) => void c.distinct('x', map(c.random)).op('GlobalMaxPool', ['x'], ['y']),
  Softmax: (c) => {
    c.opset = c.random.pick(11, 13)
    c.input('x', [2, 3, 4]).op(c.random.pick('Softmax', 'LogSoftmax'), ['x'], ['y'], {
      axis: c.random.pick(1n, 2n),
    })
  },
  LogSoftmax: (c) => void c.input('x', [3, 5]).op('LogSoftmax', ['x'], ['y'], { axis: -1n }),
  Reshape: (c) => void c.input('x', [2, 3, 4]).ints('shape', 0, -1, 2).op('Reshape', ['x', 'shape'], ['y']),
  Flatten: (c) =>
    void c.input('x', map(c.random)).op('Flatten', ['x'], ['y'], { axis: c.random.pick(1n, 2n) }),
  Squeeze: (c) =>
    void c
      .input('x', [2, 1, 3, 1])
      .ints('axes', 1)
      .op('Squeeze', c.random.pick(['x', 'axes'], ['x']), ['y']),
  Unsqueeze: (c) => void c.input('x', [2, 3]).ints('axes', 0, -1).op('Unsqueeze', ['x', 'axes'], ['y']),
  Transpose: (c) => {
    const turned: Record<string, bigint[]> = c.random.next() < 0.5 ? { perm: [1n, 2n, 0n] } : {}
    c.input('x', [2, 3, 4]).op('Transpose', ['x'], ['y'], turned)
  },
  Expand: (c) => void c.input('x', [3, 1]).ints('shape', 2, 1, 4).op('Expand', ['x', 'shape'], ['y']),
  Concat: (c) =>
    void c
      .input('a', [2, 3, 2])
      .input('b', [2, 1, 2])
      .op('Concat', ['a', 'b', 'a'], ['y'], { axis: c.random.pick(1n, -2n) }),
  Split: (c) => {
    c.input('x', [2, 5, 2]).ints('parts', 2, 1, 2)
    c.op('Split', ['x', 'parts'], ['y', 'unused', 'z'], { axis: 1n })
    c.outputs = c.random.pick(['y', 'z'], ['z'])
  },
  Slice: (c) => {
    const step = c.random.pick(1, 2, 3, -1, -2)
    const [from, to] =
      step > 0 ? c.random.pick([0, 5], [1, 100], [-6, -1]) : c.random.pick([-1, -100], [5, 0], [100, 1])
    c.input('x', [2, 7, 3]).ints('from', from, 0).ints('to', to, 2).ints('axes', 1, -1).ints('steps', step, 1)
    c.op('Slice', ['x', 'from', 'to', 'axes', 'steps'], ['y'])
  },
  Pad: (c) => {
    c.input('x', [2, 4, 3])
      .ints('pads', 0, c.random.integer(-1, 2), 1, 0, c.random.integer(-1, 2), 0)
      .float('fill', 1.5)
    c.op('Pad', ['x', 'pads', 'fill'], ['y'])
  },
  Gather: (c) => {
    c.input('x', [2, 5, 3]).ints('many', 4, 0, -1, 2)
    c.constants.push(constant('one', BigInt64Array.of(-2n), []))
    c.op('Gather', ['x', c.random.pick('one', 'many')], ['y'], { axis: c.random.pick(1n, -2n) })
  },
  MatMul: (c) => {
    const [m, n, p] = [some(c.random), some(c.random), some(c.random)]
    const [a, b] = c.random.pick(
      [
        [m, n],
        [n, p],
      ],
      [
        [2, 3, m, n],
        [n, p],
      ],
      [
        [2, 3, m, n],
        [2, 3, n, p],
      ],
      [
        [2, 1, m, n],
        [3, n, p],
      ],
      [[n], [n, p]],
      [[2, m, n], [n]],
      [
        [m, n],
        [2, n, p],
      ],
    )
    c.input('a', a).input('b', b).op('MatMul', ['a', 'b'], ['y'])
  },
  Gemm: (c) => {
    const [m, n, p] = [some(c.random), some(c.random), some(c.random)]
    const [transA, transB] = [c.random.integer(0, 1), c.random.integer(0, 1)]
    c.input('a', transA ? [n, m] : [m, n]).input('b', transB ? [p, n] : [n, p])
    c.input('c', c.random.pick([p], [m, p], [1]))
    c.nodes = [
      floatNode(
        'Gemm',
        c.random.pick(['a', 'b', 'c'], ['a', 'b']),
        'y',
        { alpha: 0.5, beta: 1.5 },
        {
          transA: BigInt(transA),
          transB: BigInt(transB),
        },
      ),
    ]
  },
  Conv: (c) => convolution(c, 1),
  'Conv, groups': (c) => convolution(c, c.random.pick(2, 3)),
  'Conv, depthwise': (c) => convolution(c, 4, 1),
  'Conv, auto_pad': (c) => {
    c.input('x', map(c.random, 2)).input('w', [3, 2, some(c.random, 1, 4), some(c.random, 1, 4)])
    const stride = BigInt(some(c.random, 1, 3))
    c.op('Conv', ['x', 'w'], ['y'], {
      auto_pad: c.random.pick('SAME_UPPER', 'SAME_LOWER', 'VALID'),
      strides: [stride, stride],
    })
  },
  'Conv, one axis': (c) => {
    c.input('x', [2, 2, 9]).input('w', [3, 2, 3])
    c.op('Conv', ['x', 'w'], ['y'], { strides: [2n], pads: [1n, 0n] })
  },
  ConvTranspose: (c) => {
    const group = c.random.pick(1, 2)
    const { kernel, strides, dilations } = window(c.random)
    const pads = kernel.map((n, i) => c.random.integer(0, Math.min(1, (n - 1) * dilations[i])))
    const [inputs, outputs] = [2 * group, some(c.random, 1, 2)]
    c.input('x', [2, inputs, some(c.random, 3, 5), some(c.random, 3, 5)])
    c.input('w', [inputs, outputs, ...kernel]).input('b', [outputs * group])
    c.op('ConvTranspose', ['x', 'w', 'b'], ['y'], {
      strides: list(strides),
      dilations: list(dilations),
      pads: list([...pads, ...pads]),
      output_padding: list(strides.map((n) => c.random.integer(0, n - 1))),
      group: BigInt(group),
    })
  },
  AveragePool: (c) => pool(c, 'AveragePool'),
  MaxPool: (c) => pool(c, 'MaxPool'),
  BatchNormalization: (c) => {
    const dims = map(c.random)
    c.input('x', dims).input('scale', [dims[1]]).input('b', [dims[1]])
    c.constants.push(constant('mean', c.random.floats(dims[1])))
    c.constants.push(
      constant(
        'variance',
        c.random.floats(dims[1]).map((v) => v * v + 0.5),
      ),
    )
    c.op('BatchNormalization', ['x', 'scale', 'b', 'mean', 'variance'], ['y'])
  },
  LayerNormalization: (c) => {
    const axis = c.random.pick(-1, -2)
    const dims = [2, 3, 5]
    c.input('x', dims).input('scale', dims.slice(axis)).input('b', dims.slice(axis))
    c.nodes = [
      floatNode('LayerNormalization', ['x', 'scale', 'b'], 'y', { epsilon: 1e-3 }, { axis: BigInt(axis) }),
    ]
  },
  InstanceNormalization: (c) => {
    const dims = map(c.random)
    c.input('x', dims).input('scale', [dims[1]]).input('b', [dims[1]])
    c.nodes = [floatNode('InstanceNormalization', ['x', 'scale', 'b'], 'y', { epsilon: 1e-3 })]
  },
  GroupNormalization: (c) => {
    c.opset = c.random.pick(18, 21)
    const size = c.opset === 18 ? 2 : 4
    c.input('x', [2, 4, 3, 3]).input('scale', [size]).input('b', [size])
    c.nodes = [
      floatNode('GroupNormalization', ['x', 'scale', 'b'], 'y', { epsilon: 1e-3 }, { num_groups: 2n }),
    ]
  },
}

function convolution(c: Case, group: number, inputs = some(c.random, 1, 2)): void {
  const { kernel, strides, dilations, pads } = window(c.random)
  const filters = group * some(c.random, 1, 3)
  c.input('x', map(c.random, group * inputs))
    .input('w', [filters, inputs, ...kernel])
    .input('b', [filters])
  c.op('Conv', c.random.pick(['x', 'w', 'b'], ['x', 'w']), ['y'], {
    kernel_shape: list(kernel),
    strides: list(strides),
    dilations: list(dilations),
    pads: list(pads),
    group: BigInt(group),
  })
}

function pool(c: Case, op: 'AveragePool' | 'MaxPool'): void {
  const { kernel, strides } = window(c.random)
  const pads = kernel.map((n) => c.random.integer(0, n >> 1))
  c.distinct('x', map(c.random)).op(op, ['x'], ['y'], {
    kernel_shape: list(kernel),
    strides: list(strides),
    pads: list([...pads, ...pads]),
    ceil_mode: BigInt(c.random.integer(0, 1)),
    ...(op === 'AveragePool' && { count_include_pad: BigInt(c.random.integer(0, 1)) }),
    ...(op === 'MaxPool' && { dilations: list(c.random.pick([1, 1], [2, 1])) }),
  })
  c.opset = 19
}

/** The names of the kinds of cases. */
export const kinds = Object.keys(makers)

/** Creates a case; the same seed gives the same case. */
export function gradientCase(kind: string, seed: number): GradientCase {
  const made = new Case(new SeededRandom(seed * 7919 + kinds.indexOf(kind)))
  makers[kind](made)
  const { nodes, constants, outputs, opset } = made
  const read = new Set(nodes.flatMap(({ input }) => input))
  const inputs = Object.fromEntries(Object.entries(made.inputs).filter(([name]) => read.has(name)))
  return { name: `${kind}, seed ${seed}`, nodes, inputs, constants, outputs, opset }
}

/** Converts a case to a model of float32 or float64. */
export function caseModel(
  { nodes, inputs, constants, outputs, opset }: GradientCase,
  type: typeof DataType.FLOAT | typeof DataType.DOUBLE = DataType.FLOAT,
): ModelProto {
  const wide = (tensor: TensorProto) =>
    type === DataType.FLOAT || tensor.dataType !== DataType.FLOAT
      ? tensor
      : constant(tensor.name, Float64Array.from(numbersOf(tensor)!), tensor.dims.map(Number))
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: BigInt(opset) }],
    graph: {
      name: 'case',
      node: nodes,
      initializer: constants.map(wide),
      input: Object.entries(inputs).map(([name, { dims }]) => tensorInfo(name, type, dims)),
      output: outputs.map((name) => create(ValueInfoProtoSchema, { name })),
    },
  })
}

/** The weights with which the outputs of a case are summed to a loss, by output. */
export function lossWeights(
  one: GradientCase,
  dims: (name: string) => number[],
): Record<string, Float64Array> {
  const random = new SeededRandom(one.name.length)
  return Object.fromEntries(
    one.outputs.map((name) => {
      const length = dims(name).reduce((all, n) => all * n, 1)
      return [name, Float64Array.from({ length }, () => Math.fround(2 * random.next() - 1))]
    }),
  )
}

/** Adds the backward pass to a case: returns a model whose outputs are the gradients, and their names by input. */
export function caseGradients(one: GradientCase): { model: ModelProto; gradients: Map<string, string> } {
  const names = Object.keys(one.inputs)
  const g = new GraphBuilder(caseModel(one), {})
  const weights = lossWeights(one, (name) => g.dims(name))
  const sums = one.outputs.map((name) => {
    const weighted = g.mul(name, g.floats(weights[name], g.dims(name)))
    return g.reshape(g.sum(weighted, [...g.dims(weighted).keys()]), [1])
  })
  const gradients = differentiate(
    g,
    sums.reduce((a, b) => g.add(a, b)),
    names,
  )
  return { model: g.build([...gradients.values()], []), gradients }
}
