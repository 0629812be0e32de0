import { topologicalOrder } from '../graph/graph.ts'
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type ValueInfoProto,
} from '../proto/onnx.ts'
import type { TensorInfo } from '../shapes/tensor-info.ts'

/** How a tensor is converted to float32: not at all, by Cast, or by DequantizeLinear with these parameters. */
type Bridge = 'none' | 'cast' | { scale: string; zeroPoint: string | undefined }

/** Input index of the output scale, by quantized operator; the zero point is the next input. */
const scaleInput = new Map([
  ['QLinearConv', 6],
  ['QLinearMatMul', 6],
  ['QLinearAdd', 6],
  ['QLinearMul', 6],
  ['QLinearConcat', 0],
  ['QLinearGlobalAveragePool', 3],
  ['QLinearAveragePool', 3],
  ['QLinearLeakyRelu', 3],
  ['QLinearSigmoid', 3],
  ['QLinearSoftmax', 3],
  ['QuantizeLinear', 1],
])

/** Operators that only pass on values of their input, so that its scale applies to their output. */
const sameScale = new Set(
  'MaxPool Identity Reshape Flatten Squeeze Unsqueeze Transpose Slice Split Gather DepthToSpace SpaceToDepth'.split(
    ' ',
  ),
)

/**
 * Maps each tensor to the node that quantized it: its producer, or if the producer only passes values on, the
 * node that quantized the producer's input. Computed for all tensors in one pass in topological order.
 */
export function quantisers(graph: GraphProto): Map<string, NodeProto> {
  const found = new Map<string, NodeProto>()
  for (const node of topologicalOrder(graph) ?? []) {
    const maker = sameScale.has(node.opType) ? found.get(node.input[0]) : node
    if (maker) for (const name of node.output) found.set(name, maker)
  }
  return found
}

/**
 * Determines how a tensor can be converted to float32. Float16, bfloat16 and double can be cast. The 8-bit
 * integers of a quantized model can be dequantized if the graph names their scale.
 *
 * @param quantised the graph's `quantisers`
 * @returns `undefined` if it cannot be converted
 */
export function bridgeOf(
  name: string,
  facts: Map<string, TensorInfo>,
  quantised: Map<string, NodeProto>,
): Bridge | undefined {
  switch (facts.get(name)?.type) {
    // An unknown type is assumed to be float32; otherwise the first run fails.
    case undefined:
    case DataType.FLOAT:
      return 'none'
    case DataType.FLOAT16:
    case DataType.BFLOAT16:
    case DataType.DOUBLE:
      return 'cast'
    case DataType.UINT8:
    case DataType.INT8:
      break
    default:
      return undefined
  }
  const maker = quantised.get(name)
  const at = maker && scaleInput.get(maker.opType)
  if (maker === undefined || at === undefined || maker.input[at] === undefined) return undefined
  return { scale: maker.input[at], zeroPoint: maker.input[at + 1] || undefined }
}

/** Whether a model has float32 input and outputs, as far as it is known, so that `withFloat32Io` has nothing to insert. */
export function hasFloat32Io({ graph }: ModelProto, facts: Map<string, TensorInfo>): boolean {
  const { input, output } = graph!
  const isConverted = ({ name }: ValueInfoProto) => {
    const type = facts.get(name)?.type
    return type === DataType.FLOAT16 || type === DataType.DOUBLE
  }
  const quantised = quantisers(graph!)
  return (
    !input.some(isConverted) &&
    output.every(({ name }) => {
      const bridge = bridgeOf(name, facts, quantised)
      return bridge === undefined || bridge === 'none'
    })
  )
}
