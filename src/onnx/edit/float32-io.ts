import { copyOfGraph, freeName } from '../graph/copy-graph.ts'
import { dimensions } from '../graph/graph.ts'
import { node, tensorInfo } from '../graph/nodes.ts'
import { renameTensors, tensorNames } from '../graph/rename.ts'
import { create } from '../proto/message.ts'
import {
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../proto/onnx.ts'
import type { TensorInfo } from '../shapes/tensor-info.ts'
import { cutModel } from './cut.ts'
import { bridgeOf, quantisers } from './float32-bridges.ts'

/** The model up to the given tensors, with float32 input and outputs. */
export function cutWithFloat32Io(
  model: ModelProto,
  names: string[],
  facts: Map<string, TensorInfo>,
): ModelProto {
  return withFloat32Io(cutModel(model, names), facts)
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
