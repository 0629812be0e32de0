// Lowering of matrix products.

import { show } from '../../../core/errors.ts'
import { attributeOf, integerOf } from '../../../onnx/graph/attributes.ts'
import type { NodeProto } from '../../../onnx/proto/onnx.ts'
import { single } from './lower-windows.ts'
import type { Lower, Lowering, Tensor } from './lowering.ts'
import { NotForEngine } from './not-for-engine.ts'
import type { MapShape } from './operations.ts'

/** A product with a constant matrix, represented as a convolution whose window is the whole row. */
function product(
  lowering: Lowering,
  node: NodeProto,
  { value, view }: Tensor,
  matrix: { rows: number; filters: number; read: () => Float32Array },
  bias: Float32Array,
): void {
  const { channels, height, width } = value.shape
  // A flattened map has the same order as a convolution's weights.
  const kernel: [number, number] = view === 'flat' ? [height, width] : [1, 1]
  if (view === 'first' || matrix.rows !== channels * kernel[0] * kernel[1]) {
    throw new NotForEngine(
      `node ${show(node.name)} (${node.opType}) multiplies something other than rows of channels`,
    )
  }
  const shape: MapShape = {
    channels: matrix.filters,
    height: view === 'flat' ? 1 : height,
    width: view === 'flat' ? 1 : width,
  }
  lowering.add(node, shape, view, {
    type: 'convolution',
    input: value,
    ...single,
    kernel,
    groups: 1,
    weights: matrix.read,
    scale: undefined,
    bias,
    residual: undefined,
  })
}

function transposed(numbers: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(numbers.length)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) turned[j * rows + i] = numbers[i * columns + j]
  return turned
}

const gemm: Lower = (lowering, node) => {
  const [a, b, c] = node.input
  const weights = lowering.weights(b)
  if (integerOf(node, 'transA', 0) !== 0 || weights.dims.length !== 2)
    throw new NotForEngine('it has a Gemm with transA')
  const isTurned = integerOf(node, 'transB', 0) === 1
  const [rows, filters] = isTurned ? weights.dims.toReversed() : weights.dims
  const alpha = attributeOf(node, 'alpha')?.f ?? 1
  const beta = attributeOf(node, 'beta')?.f ?? 1
  const read = () => {
    const numbers = isTurned ? weights.read() : transposed(weights.read(), rows, filters)
    return alpha === 1 ? numbers : numbers.map((number) => alpha * number)
  }
  const added = c ? lowering.weights(c) : undefined
  const numbers = added?.read()
  if (numbers && (added!.dims.at(-1) ?? 1) !== numbers.length)
    throw new NotForEngine('it has a Gemm whose bias differs between rows')
  if (numbers && numbers.length !== 1 && numbers.length !== filters) {
    throw new NotForEngine(`the bias ${show(c)} does not fit ${filters} columns`)
  }
  const bias = Float32Array.from({ length: filters }, (_, i) => {
    return numbers ? beta * numbers[numbers.length === 1 ? 0 : i] : 0
  })
  product(lowering, node, lowering.tensor(a), { rows, filters, read }, bias)
}

const matMul: Lower = (lowering, node) => {
  const weights = lowering.weights(node.input[1])
  if (weights.dims.length !== 2) throw new NotForEngine('it multiplies by a tensor of more than 2 dimensions')
  const [rows, filters] = weights.dims
  const read = () => transposed(weights.read(), rows, filters)
  product(lowering, node, lowering.tensor(node.input[0]), { rows, filters, read }, new Float32Array(filters))
}

/** Lowering functions by ONNX operator. */
export const lowerProducts = { Gemm: gemm, MatMul: matMul } satisfies Record<string, Lower>
