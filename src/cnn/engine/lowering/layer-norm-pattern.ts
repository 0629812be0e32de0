// LayerNormalization as exporters spell it out below operator set 17: (x - mean) / sqrt(mean((x - mean)^2) + epsilon),
// times a scale, plus a bias.

import { show } from '../../../core/errors.ts'
import { integerOf, integersOf } from '../../../onnx/graph/attributes.ts'
import type { GraphProto, NodeProto } from '../../../onnx/proto/onnx.ts'
import type { Lowering } from './lowering.ts'
import { NotForEngine } from './not-for-engine.ts'

/** A LayerNormalization of several nodes. */
export interface SpeltLayerNorm {
  x: string
  /** The first mean, which tells the axis. */
  mean: NodeProto
  /** Name of the exponent, if the squares are made by Pow. */
  exponent: string | undefined
  /** Name of the constant that is added to the variance. */
  epsilon: string
  scale: string | undefined
  bias: string | undefined
}

/** The LayerNormalizations of a graph, by their last nodes, and all their other nodes. */
export function findLayerNorms(graph: GraphProto): {
  last: Map<NodeProto, SpeltLayerNorm>
  inner: Set<NodeProto>
} {
  const makers = new Map(graph.node.map((node) => [node.output[0], node]))
  const constants = new Set(graph.initializer.map(({ name }) => name))
  const readers = new Map<string, NodeProto[]>()
  for (const node of graph.node) {
    if (node.opType === 'Constant') constants.add(node.output[0])
    for (const name of node.input) readers.set(name, [...(readers.get(name) ?? []), node])
  }
  const outputs = new Set(graph.output.map(({ name }) => name))
  /** The only node that reads a tensor, if it is of the type. */
  const next = (node: NodeProto, opType: string): NodeProto | undefined => {
    const own = readers.get(node.output[0]) ?? []
    return own.length === 1 && own[0].opType === opType && !outputs.has(node.output[0]) ? own[0] : undefined
  }
  const constantOf = (node: NodeProto | undefined) => node?.input.find((name) => constants.has(name))

  const last = new Map<NodeProto, SpeltLayerNorm>()
  const inner = new Set<NodeProto>()
  for (const centred of graph.node) {
    const [x, meanName] = centred.input
    const mean = makers.get(meanName)
    if (centred.opType !== 'Sub' || mean?.opType !== 'ReduceMean' || mean.input[0] !== x) continue
    // Read by the square, which a product reads twice, and by the division.
    const own = new Set(readers.get(centred.output[0]))
    const square = [...own].find(({ opType, input }) => {
      return opType === 'Pow' || (opType === 'Mul' && input[0] === input[1])
    })
    const divided = [...own].find(({ opType, input }) => opType === 'Div' && input[0] === centred.output[0])
    const isAlone = own.size === 2 && readers.get(meanName)!.length === 1
    if (!square || !divided || !isAlone || outputs.has(centred.output[0]) || outputs.has(meanName)) continue
    const variance = next(square, 'ReduceMean')
    const shifted = variance && next(variance, 'Add')
    const root = shifted && next(shifted, 'Sqrt')
    const epsilon = constantOf(shifted)
    if (!root || !epsilon || next(root, 'Div') !== divided) continue
    const nodes = [mean, centred, square, variance, shifted, root, divided]
    const scaled = next(divided, 'Mul')
    const scale = constantOf(scaled)
    if (scale) nodes.push(scaled!)
    const biased = scale ? next(scaled!, 'Add') : undefined
    const bias = constantOf(biased)
    if (bias) nodes.push(biased!)
    const exponent = square.opType === 'Pow' ? square.input[1] : undefined
    last.set(nodes.pop()!, { x, mean, exponent, epsilon, scale, bias })
    for (const node of nodes) inner.add(node)
  }
  return { last, inner }
}

/** Lowers one at its last node. */
export function lowerLayerNorm(lowering: Lowering, node: NodeProto, found: SpeltLayerNorm): void {
  const { value, view } = lowering.tensor(found.x)
  const { channels, height, width } = value.shape
  const axes = found.mean.input[1] ? lowering.integers(found.mean.input[1]) : integersOf(found.mean, 'axes')
  const rank = lowering.dims(found.x).length
  const isRow = height * width === 1
  const axis = { first: 1, last: 3, flat: isRow ? 1 : -1 }[view]
  const isSound = axes?.length === 1 && (axes[0] < 0 ? axes[0] + rank : axes[0]) === axis
  if (!isSound || integerOf(found.mean, 'keepdims', 1) !== 1) {
    throw new NotForEngine(`node ${show(node.name)} normalises other axes than the channels`)
  }
  const { exponent } = found
  if (exponent) {
    const [power] = lowering.isInteger(exponent)
      ? lowering.integers(exponent)
      : [lowering.scalar(exponent, 0)]
    if (power !== 2) throw new NotForEngine(`it has the operator 'Pow' with the exponent ${power}`)
  }
  const perChannel = (name: string | undefined, fallback: number) => {
    if (!name) return new Float32Array(channels).fill(fallback)
    const { dims, read } = lowering.weights(name)
    const at = dims.length - (view === 'first' ? 3 : 1)
    const fits = at >= 0 && dims.length <= rank && dims.every((n, i) => n === (i === at ? channels : 1))
    if (!fits) throw new NotForEngine(`the weights ${show(name)} do not fit ${channels} channels`)
    return read()
  }
  lowering.add(node, value.shape, view, {
    type: 'layer-normalization',
    input: value,
    epsilon: lowering.scalar(found.epsilon, 0),
    scale: perChannel(found.scale, 1),
    bias: perChannel(found.bias, 0),
  })
}
