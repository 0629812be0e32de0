import type { GraphProto } from '../proto/onnx.ts'
import { subgraphs } from './graph.ts'

/**
 * Renames tensors throughout a graph and its subgraphs, in place.
 *
 * @param newName maps old names to new ones; the empty name of an omitted input is kept
 */
export function renameTensors(graph: GraphProto, newName: (name: string) => string): void {
  const rename = (name: string) => (name === '' ? '' : newName(name))
  for (const list of [graph.input, graph.output, graph.valueInfo, graph.initializer]) {
    for (const tensor of list) tensor.name = rename(tensor.name)
  }
  for (const sparse of graph.sparseInitializer) {
    if (sparse.values !== undefined) sparse.values.name = rename(sparse.values.name)
  }
  for (const annotation of graph.quantizationAnnotation) annotation.tensorName = rename(annotation.tensorName)
  for (const node of graph.node) {
    node.input = node.input.map(rename)
    node.output = node.output.map(rename)
    for (const inner of subgraphs(node)) renameTensors(inner, newName)
  }
}

/** Names of all tensors of a graph and its subgraphs. */
export function tensorNames(graph: GraphProto, into = new Set<string>()): Set<string> {
  for (const list of [graph.input, graph.output, graph.valueInfo, graph.initializer]) {
    for (const { name } of list) into.add(name)
  }
  for (const node of graph.node) {
    for (const name of [...node.input, ...node.output]) into.add(name)
    for (const inner of subgraphs(node)) tensorNames(inner, into)
  }
  return into
}
