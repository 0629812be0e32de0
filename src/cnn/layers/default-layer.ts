import { show } from '../../core/errors.ts'
import { producers } from '../../onnx/graph/graph.ts'
import type { GraphProto, NodeProto } from '../../onnx/proto/onnx.ts'
import type { TensorInfo } from '../../onnx/shapes/tensor-info.ts'
import type { LayerInfo } from './layer-info.ts'

/** Operators at the end of a network that keep values unchanged (up to type) or normalize the class scores. */
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
/** The subset of `atTheEnd` that normalizes or ranks class scores. */
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
/** Elementwise activations that may stand between a 1x1 convolution and the pooling after it. */
const rectifies = new Set(['Relu', 'Clip', 'LeakyRelu', 'PRelu'])

/**
 * Selects the default layer, the input of the classification head, and states the reason. Recognized heads
 * are
 *
 * - the last Gemm, or MatMul and Add, before the scores;
 * - a 1x1 convolution after the last pooling;
 * - a 1x1 convolution right before the last pooling (SqueezeNet, Network in Network), if its channels are
 *   classes and not features: see `makesClasses`.
 *
 * Without a head, the default layer is the model's output before Softmax.
 *
 * @param layers the layers of the graph, one of which is returned
 * @param activations names of all tensors that depend on the image
 */
export function defaultLayer(
  graph: GraphProto,
  layers: LayerInfo[],
  activations: Set<string>,
  facts: Map<string, TensorInfo>,
): { layer: LayerInfo; reason: string } | undefined {
  const byName = new Map(layers.map((layer) => [layer.name, layer]))
  const made = producers(graph)
  // With several outputs, use the one whose producer comes last in the graph.
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
  // If the head reads a quantized tensor that is not listed as a layer, follow its producers back to one that
  // is.
  while (before && !byName.has(before)) before = made.get(before)?.input[0]
  if (head && before) {
    const reason = `it enters the classification head, ${head.opType} ${show(head.name)}`
    return { layer: byName.get(before)!, reason }
  }
  const last = (end && byName.get(end.output[0])) ?? layers.at(-1)
  return last && { layer: last, reason: 'it is the output of a model without a classification head' }
}

/** The node that computes class scores from features, if `end` is that node or part of it. */
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

/** The 1x1 convolution that computes per-class maps averaged by the last pooling, if there is one. */
function findHeadBeforePooling(
  end: NodeProto,
  made: Map<string, NodeProto>,
  facts: Map<string, TensorInfo>,
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
 * Whether the output channels of a 1x1 convolution before the last pooling look like classes, used when no
 * Softmax confirms it. Headless networks (MobileNetV2, ShuffleNetV2) end in the same pattern but increase the
 * channel count, to a multiple of 16. Typical class counts (10, 100, 1000) are not multiples of 16.
 */
function makesClasses(outputs: number, inputs: number): boolean {
  return outputs < inputs || outputs % 16 !== 0
}

/** The matrix product before the Add of its bias. In quantized models, Cast and Mul stand between the two. */
function findProduct(node: NodeProto, made: Map<string, NodeProto>, activations: Set<string>) {
  // Add and Mul have exactly two inputs.
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

/** Input index of the second factor, by matrix product operator. */
const secondFactor = new Map([
  ['Gemm', 1],
  ['MatMul', 1],
  ['MatMulInteger', 1],
  ['QGemm', 3],
  ['QLinearMatMul', 3],
])

/** Whether a node multiplies activations by weights. A product of two activations is attention, not a head. */
function isLinear(node: NodeProto, activations: Set<string>): boolean {
  const second = secondFactor.get(node.opType)
  return second !== undefined && activations.has(node.input[0]) && !activations.has(node.input[second])
}
