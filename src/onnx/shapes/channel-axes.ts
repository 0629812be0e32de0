import { integersOf } from '../graph/attributes.ts'
import { requiredInputs } from '../graph/graph.ts'
import type { GraphProto, NodeProto } from '../proto/onnx.ts'
import type { Dims, TensorFacts } from './tensor-info.ts'

/** Operators whose second dimension is that of the channels, as ONNX defines them. */
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
 * Infers which axis of each tensor holds channels, from the image inputs on: convolutions have their channels second,
 * products with a weight matrix last, Transpose moves them. Tensors of which it is not known are absent.
 *
 * @param graph graph in topological order
 */
export function channelAxes(graph: GraphProto, facts: Map<string, TensorFacts>): Map<string, number> {
  const axes = new Map<string, number>()
  /** Tensors that depend on an input; a product of two of them is attention, whose axes have other meanings. */
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
  facts: Map<string, TensorFacts>,
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

/** Channels stay channels where a reshape leaves everything before or everything behind them as it is. */
function axisAfterReshape(input: Dims, axis: number, output: Dims): number | undefined {
  if (axis === 1 && output[1] !== undefined && output[1] === input[1]) return 1
  const last = output.at(-1)
  return axis === input.length - 1 && last !== undefined && last === input.at(-1)
    ? output.length - 1
    : undefined
}
