import { create } from '@bufbuild/protobuf'
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf'
import { dimensions, topologicalOrder } from '../graph/graph.ts'
import { node, tensorInfo } from '../graph/nodes.ts'
import { copyOfGraph, freeName, renameTensors, tensorNames } from '../graph/rename.ts'
import type { TensorFacts } from '../shapes/tensor-info.ts'

/** The type that a model computes an image or a layer in, and how it becomes float32. */
type Bridge = 'none' | 'cast' | { scale: string; zeroPoint: string | undefined }

/** Where quantised operators name the scale of their output, and after it its zero point. */
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
/** Operators that answer numbers of their input, so that its scale holds for them. */
const sameScale = new Set(
  'MaxPool Identity Reshape Flatten Squeeze Unsqueeze Transpose Slice Split Gather DepthToSpace SpaceToDepth'.split(
    ' ',
  ),
)

/**
 * The node that quantised each tensor: the one that made it, or where that one only passes numbers on, the one that
 * made those. Found for all tensors at once, in the order of the graph.
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
 * Whether a tensor is float32 or can be made so: float16 and double can, and the integers of a quantised model
 * whose scale the graph names.
 *
 * @param quantised the graph's `quantisers`
 * @returns `undefined` if it cannot
 */
export function bridgeOf(
  name: string,
  facts: Map<string, TensorFacts>,
  quantised: Map<string, NodeProto>,
): Bridge | undefined {
  switch (facts.get(name)?.type) {
    // A type that is not known is left for the first run to show.
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
 * The model with float32 at both ends: where it takes float16 images or answers float16 or quantised layers, a
 * conversion is put before or behind. Names at both ends stay the same. The model itself is not changed.
 */
export function withFloat32Io(model: ModelProto, facts: Map<string, TensorFacts>): ModelProto {
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
  // Without sizes runtimes infer the type as well; a list of none would mean a single number.
  return sizes ? tensorInfo(name, DataType.FLOAT, sizes) : create(ValueInfoProtoSchema, { name })
}
