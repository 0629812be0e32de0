// Lowering of arithmetic and of activations other than Relu and Clip. Loaded with the first network that has any.

import { show } from '../../../core/errors.ts'
import { textOf } from '../../../onnx/graph/attributes.ts'
import { affine, combineMaps, float, kind, unary } from './lower-shapes.ts'
import { scaleChannels } from './lower-windows.ts'
import { dimsOf, type Lower, type Tensor } from './lowering.ts'
import { NotForEngine } from './not-for-engine.ts'
import { type Activation, BinaryKind, linear, type MapValue } from './operations.ts'

/**
 * Converts a constant to a map that broadcasts to the tensor's map, or throws if its shape does not allow
 * that.
 */
function constantMap(name: string, dims: number[], numbers: Float32Array, { value, view }: Tensor): MapValue {
  const rank = view === 'flat' ? 2 : 4
  const full = [...Array(Math.max(0, rank - dims.length)).fill(1), ...dims]
  const { shape } = value
  const own = [1, ...dimsOf(shape, view)]
  const fits = full.length === rank && full.every((size, i) => size === 1 || size === own[i])
  const isRow = shape.height * shape.width === 1
  if (!fits || (view === 'flat' && !isRow && numbers.length > 1)) {
    throw new NotForEngine(
      `the constant ${show(name)} of shape [${dims.join(', ')}] is broadcast in an unsupported way`,
    )
  }
  if (view === 'flat') return { shape: { channels: numbers.length, height: 1, width: 1 }, constant: numbers }
  if (view === 'last') {
    const [, height, width, channels] = full
    return { shape: { channels, height, width }, constant: numbers }
  }
  const [, channels, height, width] = full
  const area = height * width
  const last = numbers.map((_, i) => numbers[(i % channels) * area + Math.floor(i / channels)])
  return { shape: { channels, height, width }, constant: last }
}

const swapped = new Map<number, number>([
  [BinaryKind.subtract, BinaryKind.subtract],
  [BinaryKind.divide, BinaryKind.divide],
])

function binary(which: number): Lower {
  return (lowering, node) => {
    const [a, b] = node.input
    if (node.input.length !== 2)
      throw new NotForEngine(`node ${show(node.name)} has ${node.input.length} inputs`)
    if (lowering.isTensor(a) && lowering.isTensor(b)) {
      combineMaps(lowering, node, which)
      return
    }
    const isLeft = lowering.isTensor(a)
    const tensor = lowering.tensor(isLeft ? a : b)
    const name = isLeft ? b : a
    const constant = lowering.weights(name)
    const numbers = constant.read()
    const { shape } = tensor.value
    if (numbers.length === 1 && constant.dims.length <= 1 + dimsOf(shape, tensor.view).length) {
      const affine = scalar(which, numbers[0], isLeft)
      if (affine) {
        lowering.add(node, shape, tensor.view, { type: 'unary', input: tensor.value, activation: affine })
        return
      }
    }
    const map = constantMap(name, constant.dims, numbers, tensor)
    const isPerChannel = map.shape.height * map.shape.width === 1 && map.shape.channels === shape.channels
    if (isPerChannel && (isLeft || !swapped.has(which)) && which <= BinaryKind.divide) {
      const ones = new Float32Array(shape.channels).fill(1)
      const zeros = new Float32Array(shape.channels)
      const c = map.constant!
      if (which === BinaryKind.add) scaleChannels(lowering, node, tensor, ones, c)
      else if (which === BinaryKind.subtract)
        scaleChannels(
          lowering,
          node,
          tensor,
          ones,
          c.map((number) => -number),
        )
      else if (which === BinaryKind.multiply) scaleChannels(lowering, node, tensor, c, zeros)
      else
        scaleChannels(
          lowering,
          node,
          tensor,
          c.map((number) => 1 / number),
          zeros,
        )
      return
    }
    const [left, right] = isLeft ? [tensor.value, map] : [map, tensor.value]
    lowering.add(node, shape, tensor.view, { type: 'binary', kind: which, left, right })
  }
}

/** A binary operation with a scalar constant, expressed as an activation. */
function scalar(which: number, c: number, isLeft: boolean): Activation | undefined {
  switch (which) {
    case BinaryKind.add:
      return affine(1, c)
    case BinaryKind.multiply:
      return affine(c, 0)
    case BinaryKind.subtract:
      return isLeft ? affine(1, -c) : affine(-1, c)
    case BinaryKind.divide:
      return isLeft ? affine(1 / c, 0) : undefined
    case BinaryKind.maximum:
      return { ...linear, low: c }
    case BinaryKind.minimum:
      return { ...linear, high: c }
    default:
      return undefined
  }
}

/** Lowering functions by ONNX operator. */
export const lowerElementwise = {
  Add: binary(BinaryKind.add),
  Mul: binary(BinaryKind.multiply),
  Sub: binary(BinaryKind.subtract),
  Div: binary(BinaryKind.divide),
  Max: binary(BinaryKind.maximum),
  Min: binary(BinaryKind.minimum),
  LeakyRelu: unary((_, node) => kind('leakyRelu', float(node, 'alpha', 0.01))),
  HardSigmoid: unary((_, node) => kind('hardSigmoid', float(node, 'alpha', 0.2), float(node, 'beta', 0.5))),
  HardSwish: unary(() => kind('hardSwish', 1 / 6, 0.5)),
  Sigmoid: unary(() => kind('sigmoid')),
  Swish: unary((_, node) => kind('swish', float(node, 'alpha', 1))),
  Gelu: unary((_, node) => kind(textOf(node, 'approximate', 'none') === 'tanh' ? 'geluTanh' : 'gelu')),
  Tanh: unary(() => kind('tanh')),
  Elu: unary((_, node) => kind('elu', float(node, 'alpha', 1))),
  Erf: unary(() => kind('erf')),
  Exp: unary(() => kind('exp')),
  Abs: unary(() => kind('abs')),
  Neg: unary(() => kind('affine', -1, 0)),
  Reciprocal: unary(() => kind('reciprocal')),
} satisfies Record<string, Lower>
