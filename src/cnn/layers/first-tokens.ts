import { integerOf } from '../../onnx/graph/attributes.ts'
import type { GraphProto, NodeProto } from '../../onnx/proto/onnx.ts'
import type { TensorInfo } from '../../onnx/shapes/tensor-info.ts'

/**
 * The tensors of tokens that a node takes the first token out of, which in a network with a class token is how its head
 * reads it: a Gather of index 0, or a Slice from 0 to 1, along the axis of the tokens.
 *
 * @param axes the axis of the channels, by tensor
 */
export function firstTokens(
  graph: GraphProto,
  facts: Map<string, TensorInfo>,
  axes: Map<string, number>,
): string[] {
  return graph.node.flatMap((node) => {
    const [x = ''] = node.input
    const rank = facts.get(x)?.dims?.length
    if (rank !== 3) return []
    const axis = axes.get(x) === 1 ? 2 : 1
    return firstAlong(node, facts) === axis ? [x] : []
  })
}

/** The axis along which a node takes the first of all slices alone. */
function firstAlong(node: NodeProto, facts: Map<string, TensorInfo>): number | undefined {
  const one = (input: number) => {
    const values = facts.get(node.input[input] ?? '')?.values
    return values?.length === 1 ? values[0] : undefined
  }
  const fromEnd = (axis: number | undefined) => (axis !== undefined && axis < 0 ? axis + 3 : axis)
  if (node.opType === 'Gather') return one(1) === 0 ? fromEnd(integerOf(node, 'axis', 0)) : undefined
  return node.opType === 'Slice' && one(1) === 0 && one(2) === 1 ? fromEnd(one(3)) : undefined
}
