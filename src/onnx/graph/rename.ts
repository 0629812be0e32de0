import { clone } from '@bufbuild/protobuf'
import { type GraphProto, NodeProtoSchema } from 'onnx-buf'
import { subgraphs } from './graph.ts'

/**
 * Renames tensors throughout a graph and its sub-graphs, in place.
 *
 * @param newName the name a tensor should have, given the one it has; the empty name (an input left out) is kept
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

/** Every tensor name of a graph and its sub-graphs. */
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

/**
 * A graph whose tensors can be renamed while those of the other keep their names. Weights are shared; inputs, outputs
 * and what is told of tensors between are left out.
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

/** A name that is not taken, and is from now on. */
export function freeName(wanted: string, taken: Set<string>): string {
  let name = wanted
  while (taken.has(name)) name += '_'
  taken.add(name)
  return name
}
