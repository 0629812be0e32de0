import type { GraphProto, NodeProto } from 'onnx-buf'
import { show } from '../../core/errors.ts'
import { producers } from '../../onnx/graph/graph.ts'
import type { TensorFacts } from '../../onnx/shapes/tensor-info.ts'
import type { LayerInfo } from './layer-info.ts'

/** Operators that pass their first input on with the same numbers, or squash the class scores at the end. */
const atTheEnd = new Set([
  'Softmax',
  'LogSoftmax',
  'Sigmoid',
  'Identity',
  'Dropout',
  'Cast',
  'QuantizeLinear',
  'DequantizeLinear',
  'ArgMax',
  'TopK',
])
/** Those of them that make a choice between the classes. */
const squashes = new Set(['Softmax', 'LogSoftmax', 'Sigmoid', 'ArgMax', 'TopK'])
const reshapes = new Set(['Flatten', 'Reshape', 'Squeeze'])
const pools = new Set([
  'GlobalAveragePool',
  'GlobalMaxPool',
  'ReduceMean',
  'AveragePool',
  'QLinearGlobalAveragePool',
  'QLinearAveragePool',
])
/** Operators between a convolution and its pooling that keep each channel by itself. */
const rectifies = new Set(['Relu', 'Clip', 'LeakyRelu', 'PRelu'])

/**
 * What enters the classification head, and why that is the default layer. Heads are
 *
 * - the last Gemm, or MatMul and Add, before the scores;
 * - a 1x1 convolution after the last pooling;
 * - a 1x1 convolution right before it (SqueezeNet, Network in Network), if what it makes are classes and not
 *   features: see `makesClasses`.
 *
 * Without a head it is the model's own output, before Softmax.
 *
 * @param layers those of the graph, of which it is one
 * @param activations names of all tensors that depend on the image
 */
export function defaultLayer(
  graph: GraphProto,
  layers: LayerInfo[],
  activations: Set<string>,
  facts: Map<string, TensorFacts>,
): { layer: LayerInfo; reason: string } | undefined {
  const byName = new Map(layers.map((layer) => [layer.name, layer]))
  const made = producers(graph)
  // With several outputs, the one that lies deepest in the network.
  const depth = new Map(graph.node.map((node, i) => [node, i]))
  const ends = graph.output.map(({ name }) => made.get(name)).filter((node) => node !== undefined)
  let end: NodeProto | undefined = ends.sort((a, b) => depth.get(b)! - depth.get(a)!)[0]
  let squashed = false
  while (end && atTheEnd.has(end.opType) && activations.has(end.input[0])) {
    squashed ||= squashes.has(end.opType)
    end = made.get(end.input[0])
  }
  const head = end && (findHead(end, made, activations) ?? findHeadBeforePooling(end, made, facts, squashed))
  let before = head?.input[0]
  // What is quantised for the head is listed as it was before, or as it is turned back.
  while (before && !byName.has(before)) before = made.get(before)?.input[0]
  if (head && before) {
    const reason = `it enters the classification head, ${head.opType} ${show(head.name)}`
    return { layer: byName.get(before)!, reason }
  }
  const last = (end && byName.get(end.output[0])) ?? layers.at(-1)
  return last && { layer: last, reason: 'it is the output of a model without a classification head' }
}

/** The node that turns features into class scores, if `end` is one or belongs to one. */
function findHead(end: NodeProto, made: Map<string, NodeProto>, activations: Set<string>) {
  if (isLinear(end, activations)) return end
  if (end.opType === 'Add' || end.opType === 'Mul') return findProduct(end, made, activations)
  let node: NodeProto | undefined = end
  while (node && reshapes.has(node.opType)) node = made.get(node.input[0])
  if (node?.opType !== 'Conv' && node?.opType !== 'QLinearConv') return undefined
  let before = made.get(node.input[0])
  while (before && (atTheEnd.has(before.opType) || reshapes.has(before.opType)))
    before = made.get(before.input[0])
  return before && pools.has(before.opType) ? node : undefined
}

/** The 1x1 convolution whose maps of scores the last pooling averages, if there is one. */
function findHeadBeforePooling(
  end: NodeProto,
  made: Map<string, NodeProto>,
  facts: Map<string, TensorFacts>,
  squashed: boolean,
) {
  const skip = (from: NodeProto | undefined, ...kinds: Set<string>[]) => {
    let node = from
    while (node && kinds.some((kind) => kind.has(node!.opType))) node = made.get(node.input[0])
    return node
  }
  const pool = skip(end, reshapes)
  if (!pool || !pools.has(pool.opType)) return undefined
  const node = skip(made.get(pool.input[0]), atTheEnd, rectifies)
  if (node?.opType !== 'Conv' && node?.opType !== 'QLinearConv') return undefined
  const [outputs, inputs, ...kernel] = facts.get(node.input[node.opType === 'Conv' ? 1 : 3])?.dims ?? []
  if (outputs === undefined || inputs === undefined || kernel.join() !== '1,1') return undefined
  return squashed || makesClasses(outputs, inputs) ? node : undefined
}

/**
 * Whether the channels of a 1x1 convolution before the last pooling look like classes, where no Softmax says so.
 * Networks end in the same way without their head (MobileNetV2, ShuffleNetV2), but widen there, and to a multiple of 16;
 * 10, 100 and 1,000 classes are none.
 */
function makesClasses(outputs: number, inputs: number): boolean {
  return outputs < inputs || outputs % 16 !== 0
}

/** The matrix product behind the Add of its bias; quantised ones are brought to scale by Cast and Mul first. */
function findProduct(node: NodeProto, made: Map<string, NodeProto>, activations: Set<string>) {
  // Add and Mul have two inputs.
  for (const name of node.input.slice(0, 2)) {
    let one = made.get(name)
    while (one?.opType === 'Cast' || one?.opType === 'Mul') {
      const [first] = one.input
        .slice(0, 2)
        .map((input) => made.get(input))
        .filter((maker) => maker !== undefined)
      one = first
    }
    if (one && one.opType !== 'Gemm' && isLinear(one, activations)) return one
  }
  return undefined
}

/** Where operators that multiply matrices have their second factor. */
const secondFactor = new Map([
  ['Gemm', 1],
  ['MatMul', 1],
  ['MatMulInteger', 1],
  ['QGemm', 3],
  ['QLinearMatMul', 3],
])

/** A product of activations with weights; two activations multiplied are attention, not a head. */
function isLinear(node: NodeProto, activations: Set<string>): boolean {
  const second = secondFactor.get(node.opType)
  return second !== undefined && activations.has(node.input[0]) && !activations.has(node.input[second])
}
