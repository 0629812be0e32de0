import { type GraphProto, type TensorProto, TensorProto_DataLocation } from '../proto/onnx.ts'
import { subgraphs } from './graph.ts'

/** Locations of the files with external data of a graph. */
export function weightFiles(graph: GraphProto): Set<string> {
  const names = new Set<string>()
  for (const tensor of tensorsOf(graph)) {
    if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL) continue
    names.add(tensor.externalData.find(({ key }) => key === 'location')?.value ?? 'unnamed')
  }
  return names
}

/** All constants of a graph, including those in attributes and subgraphs. */
export function* tensorsOf(graph: GraphProto): Generator<TensorProto> {
  yield* graph.initializer
  for (const node of graph.node) {
    for (const { t, tensors } of node.attribute) {
      if (t) yield t
      yield* tensors
    }
    for (const inner of subgraphs(node)) yield* tensorsOf(inner)
  }
}
