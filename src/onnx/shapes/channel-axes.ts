import { integersOf } from '../graph/attributes.ts'
import { requiredInputs } from '../graph/graph.ts'
import type { GraphProto, NodeProto } from '../proto/onnx.ts'
import type { Dims, TensorInfo } from './tensor-info.ts'

/** Operators whose second dimension holds the channels, by the definition of ONNX. */
const channelsAreSecond = new Set([
  'Conv',
  'FusedConv',
  'ConvInteger',
  'QLinearConv',
  'ConvTranspose',
  'MaxPool',
  'AveragePool',
  'LpPool',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'QLinearAveragePool',
  'QLinearGlobalAveragePool',
  'BatchNormalization',
  'InstanceNormalization',
  'GroupNormalization',
  'DepthToSpace',
  'SpaceToDepth',
  'Resize',
  'Upsample',
])
const reshapes = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'])
const products = new Set(['MatMul', 'MatMulInteger', 'QLinearMatMul', 'Gemm', 'QGemm'])

/**
 * Infers which axis of each tensor holds the channels, starting from the image inputs: it is the second axis for
 * convolutions and the last one for products with a weight matrix, and Transpose moves it. Tensors whose channel axis is
 * unknown are absent from the result.
 *
 * @param graph graph in topological order
 */
export function channelAxes(graph: GraphProto, facts: Map<string, TensorInfo>): Map<string, number> {
  const axes = new Map<string, number>()
  /** Tensors that depend on an input. A product of two of them is attention, whose axes have another meaning. */
  const activations = new Set<string>()
  for (const { name } of requiredInputs(graph)) {
    activations.add(name)
    if (facts.get(name)?.dims?.length === 4) axes.set(name, 1)
  }
  for (const node of graph.node) {
    if (!node.input.some((name) => activations.has(name))) continue
    for (const name of node.output) activations.add(name)
    const output = facts.get(node.output[0])?.dims
    const axis = output && axisOf(node, output, axes, activations, facts)
    if (axis === undefined || axis < 1 || axis >= output!.length) continue
    for (const name of node.output) if (name !== '') axes.set(name, axis)
  }
  return axes
}

function axisOf(
  node: NodeProto,
  output: Dims,
  axes: Map<string, number>,
  activations: Set<string>,
  facts: Map<string, TensorInfo>,
): number | undefined {
  const { opType } = node
  if (channelsAreSecond.has(opType)) return 1
  if (products.has(opType)) {
    return node.input.filter((name) => activations.has(name)).length > 1 ? undefined : output.length - 1
  }
  const read = node.input.find((name) => axes.has(name))
  const rank = read === undefined ? undefined : facts.get(read)?.dims?.length
  if (read === undefined || rank === undefined) {
    return opType === 'LayerNormalization' ? output.length - 1 : undefined
  }
  const axis = axes.get(read)!
  if (opType === 'Transpose') {
    const order = integersOf(node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i)
    return order.indexOf(axis)
  }
  if (reshapes.has(opType)) return axisAfterReshape(facts.get(read)!.dims!, axis, output)
  return rank === output.length ? axis : undefined
}

/** The channel axis survives a reshape that keeps all dimensions before it, or all dimensions after it. */
function axisAfterReshape(input: Dims, axis: number, output: Dims): number | undefined {
  if (axis === 1 && output[1] !== undefined && output[1] === input[1]) return 1
  const last = output.at(-1)
  return axis === input.length - 1 && last !== undefined && last === input.at(-1)
    ? output.length - 1
    : undefined
}
