import { expect, it } from 'vitest'
import { Random } from '../../core/random.ts'
import { tailOf } from '../../onnx/gradient/tail.ts'
import { constant, node, tensorInfo } from '../../onnx/graph/nodes.ts'
import { create } from '../../onnx/proto/message.ts'
import { TensorProto_DataType as DataType, ModelProtoSchema } from '../../onnx/proto/onnx.ts'
import { inferTensors } from '../../onnx/shapes/infer.ts'
import { resetWeights } from './reset-weights.ts'

it("reset weights have He's variance, biases are zero, scales are one", () => {
  const given = {
    w: [64, 8, 3, 3],
    b: [64],
    scale: [64],
    shift: [64],
    mean: [64],
    variance: [64],
    m: [64, 40],
    offset: [40],
  }
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 17n }],
    graph: {
      name: 'g',
      node: [
        node('c', 'Conv', ['x', 'w', 'b'], ['c']),
        node('n', 'BatchNormalization', ['c', 'scale', 'shift', 'mean', 'variance'], ['n']),
        node('g', 'GlobalAveragePool', ['n'], ['g']),
        node('f', 'Flatten', ['g'], ['f']),
        node('p', 'MatMul', ['f', 'm'], ['p']),
        node('y', 'Add', ['p', 'offset'], ['y']),
      ],
      initializer: Object.entries(given).map(([name, dims]) => {
        const length = dims.reduce((all, n) => all * n, 1)
        return constant(name, new Float32Array(length).fill(0.5), dims)
      }),
      input: [tensorInfo('x', DataType.FLOAT, [1, 8, 6, 6])],
      output: [tensorInfo('y', DataType.FLOAT, [1, 40])],
    },
  })
  const tail = tailOf(model, inferTensors(model), 'x')
  const parameters = tail.weights.map((one) => ({ ...one, gradient: new Float32Array(0) }))
  resetWeights(tail, parameters, new Random(3))
  const values = Object.fromEntries(parameters.map((one) => [one.name, one.values]))
  const variance = (numbers: Float32Array) => numbers.reduce((sum, x) => sum + x * x, 0) / numbers.length
  expect(variance(values.w) / (2 / 72)).toBeCloseTo(1, 1)
  expect(variance(values.m) / (2 / 64)).toBeCloseTo(1, 1)
  expect(values.b.every((x) => x === 0)).toBe(true)
  expect(values.shift.every((x) => x === 0)).toBe(true)
  expect(values.scale.every((x) => x === 1)).toBe(true)
  // How an Add uses its constant is unknown.
  expect(values.offset.every((x) => x === 0.5)).toBe(true)
})
