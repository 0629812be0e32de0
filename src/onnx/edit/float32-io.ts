import { copyOfGraph, freeName } from '../graph/copy-graph.ts'
import { dimensions, topologicalOrder } from '../graph/graph.ts'
import { node, tensorInfo } from '../graph/nodes.ts'
import { renameTensors, tensorNames } from '../graph/rename.ts'
import { create } from '../proto/message.ts'
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
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

/**
 * Returns the model with float32 input and outputs. Conversions are inserted after float16 or double inputs
 * and before float16, double or quantized outputs. Input and output names are kept. The model itself is not
 * modified.
 */
export function withFloat32Io(model: ModelProto, facts: Map<string, TensorInfo>): ModelProto {
  const graph = model.graph!
  const quantised = quantisers(graph)
  const names = tensorNames(graph)
  const renamed = new Map<string, string>()
  const before: NodeProto[] = []
  const behind: NodeProto[] = []
  for (const input of graph.input) {
    const type = facts.get(input.name)?.type
    if (type !== DataType.FLOAT16 && type !== DataType.DOUBLE) continue
    const inner = freeName(`${input.name}_${DataType[type].toLowerCase()}`, names)
    renamed.set(input.name, inner)
    before.push(node(inner, 'Cast', [input.name], [inner], { to: BigInt(type) }))
  }
  for (const { name } of graph.output) {
    const bridge = bridgeOf(name, facts, quantised)
    if (bridge === undefined || bridge === 'none') continue
    const inner = freeName(`${name}_${DataType[facts.get(name)!.type!].toLowerCase()}`, names)
    renamed.set(name, inner)
    if (bridge === 'cast') {
      behind.push(node(`${inner}_to_float`, 'Cast', [inner], [name], { to: BigInt(DataType.FLOAT) }))
    } else {
      const inputs = [inner, bridge.scale, ...(bridge.zeroPoint === undefined ? [] : [bridge.zeroPoint])]
      behind.push(node(`${inner}_to_float`, 'DequantizeLinear', inputs, [name]))
    }
  }
  if (renamed.size === 0) return model
  const copy = copyOfGraph(graph)
  renameTensors(copy, (name) => renamed.get(name) ?? name)
  const asFloat = (info: ValueInfoProto) => (renamed.has(info.name) ? floatInfo(info) : info)
  copy.input = graph.input.map(asFloat)
  copy.output = graph.output.map(asFloat)
  copy.node = [...before, ...copy.node, ...behind]
  return create(ModelProtoSchema, { ...model, graph: copy })
}

function floatInfo({ name, type }: ValueInfoProto): ValueInfoProto {
  const sizes = dimensions(type)?.map((size, i) => size ?? `${name}_${i}`)
  // Without sizes, leave the type to inference by the runtime: an empty shape would mean a scalar.
  return sizes ? tensorInfo(name, DataType.FLOAT, sizes) : create(ValueInfoProtoSchema, { name })
}
