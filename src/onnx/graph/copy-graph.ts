import { clone } from '../proto/message.ts'
import { type GraphProto, NodeProtoSchema } from '../proto/onnx.ts'
import { subgraphs } from './graph.ts'

/**
 * Copies a graph so that its tensors can be renamed without affecting the original. Weights are shared;
 * inputs, outputs and value_info are left out.
 */
export function copyOfGraph(graph: GraphProto): GraphProto {
  return {
    ...graph,
    node: graph.node.map((one) => (subgraphs(one).length > 0 ? clone(NodeProtoSchema, one) : { ...one })),
    initializer: graph.initializer.map((one) => ({ ...one })),
    input: [],
    output: [],
    valueInfo: [],
    quantizationAnnotation: graph.quantizationAnnotation.map((one) => ({ ...one })),
  }
}

/** Returns an unused name and marks it as used. */
export function freeName(wanted: string, taken: Set<string>): string {
  let name = wanted
  while (taken.has(name)) name += '_'
  taken.add(name)
  return name
}
