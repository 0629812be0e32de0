// The shapes of operators that most picture CNNs consist of. infer-shapes.ts has those of all others.

import { integerOf } from '../graph/attributes.ts'
import type { NodeProto } from '../proto/onnx.ts'
import { axisOf } from './infer-limits.ts'
import { convolved, pooled } from './infer-windows.ts'
import type { Dims, TensorInfo } from './tensor-info.ts'

/** The shapes of a node's outputs from those of its inputs. */
export type ShapeRule = (node: NodeProto, inputs: TensorInfo[]) => (Dims | undefined)[]

const unary: ShapeRule = (_, [x]) => [x?.dims]
const binary: ShapeRule = (_, inputs) => [broadcast(inputs.map(({ dims }) => dims))]
const pooling: ShapeRule = (node, [x]) => {
  const dims = pooled(node, x?.dims)
  return [dims, dims]
}
const globalPooling: ShapeRule = (_, [x]) => [x?.dims?.map((size, i) => (i < 2 ? size : 1))]

/** Rules by operator. None of these operators depends on the values of integers, such as those of a shape. */
export const commonRules = new Map<string, ShapeRule>(
  Object.entries<ShapeRule>({
    BatchNormalization: unary,
    Cast: unary,
    Clip: unary,
    Dropout: unary,
    HardSigmoid: unary,
    HardSwish: unary,
    Identity: unary,
    LeakyRelu: unary,
    Relu: unary,
    Sigmoid: unary,
    Softmax: unary,
    Sqrt: unary,
    Add: binary,
    Sub: binary,
    Mul: binary,
    Div: binary,
    Conv: (node, [x, w]) => [convolved(node, x?.dims, w?.dims)],
    AveragePool: pooling,
    MaxPool: pooling,
    GlobalAveragePool: globalPooling,
    GlobalMaxPool: globalPooling,
    Gemm: (node, [a, b]) => [gemm(node, a?.dims, b?.dims)],
    Concat: (node, inputs) => [joined(node, inputs)],
    Flatten: (node, [x]) => {
      if (!x?.dims) return []
      const rank = x.dims.length
      const given = integerOf(node, 'axis', 1)
      // An axis equal to the rank collapses everything into the first of the two dimensions.
      const axis = given === rank ? rank : axisOf(given, rank)
      if (axis === undefined) return []
      return [[product(x.dims.slice(0, axis)), product(x.dims.slice(axis))]]
    },
  }),
)

/** The shape of a product with optional transposition of both factors. */
export function gemm(node: NodeProto, a: Dims | undefined, b: Dims | undefined): Dims {
  return [a?.[integerOf(node, 'transA', 0)], b?.[1 - integerOf(node, 'transB', 0)]]
}

/** The shape of inputs that are joined along an axis. */
export function joined(node: NodeProto, inputs: TensorInfo[]): Dims | undefined {
  const first = inputs.find(({ dims }) => dims !== undefined)?.dims
  const axis = first && axisOf(integerOf(node, 'axis', 1), first.length)
  if (axis === undefined) return undefined
  const length = inputs.reduce<number | undefined>((sum, { dims }) => plus(sum, dims?.[axis]), 0)
  return first!.with(axis, length)
}

/** The shape to which all shapes broadcast. */
export function broadcast(shapes: (Dims | undefined)[]): Dims | undefined {
  if (shapes.some((dims) => dims === undefined)) return undefined
  const rank = shapes.reduce((most, dims) => Math.max(most, dims!.length), 0)
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map((dims) => (i < rank - dims!.length ? 1 : dims![i - rank + dims!.length]))
    // An unknown size is either 1 or equal to a known size greater than 1.
    return (
      sizes.find((size) => size !== undefined && size !== 1) ?? (sizes.includes(undefined) ? undefined : 1)
    )
  })
}

/** The product of sizes; `undefined` if one is unknown. */
export function product(sizes: Dims): number | undefined {
  return sizes.reduce<number | undefined>((all, size) => times(all, size), 1)
}

/** The sum of two sizes; `undefined` if one is unknown. */
export function plus(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b
}

/** The product of two sizes; `undefined` if one is unknown. */
export function times(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a * b
}
