import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type NodeProto,
  type TypeProto,
  type ValueInfoProto,
} from '../proto/onnx.ts'

/** The subgraphs of `If`, `Loop` and `Scan`. */
export function subgraphs(node: NodeProto): GraphProto[] {
  return node.attribute.flatMap(({ g, graphs }) => (g ? [g, ...graphs] : graphs))
}

/** Names of the tensors that a node reads, including those of the outer graph read within its subgraphs. */
export function tensorsReadBy(node: NodeProto): string[] {
  const names = node.input.filter((name) => name !== '')
  if (subgraphs(node).length === 0) return names
  const read = new Set(names)
  addOuterReads(node, new Map(), read)
  return [...read]
}

/**
 * Adds the tensors that the subgraphs of a node read from outside.
 *
 * @param innerDefinitions for each name, how many of the enclosing subgraphs define it
 */
function addOuterReads(node: NodeProto, innerDefinitions: Map<string, number>, into: Set<string>): void {
  for (const graph of subgraphs(node)) {
    const defined = new Set(initializerNames(graph))
    for (const { name } of graph.input) defined.add(name)
    for (const inner of graph.node) for (const name of inner.output) defined.add(name)
    for (const name of defined) innerDefinitions.set(name, (innerDefinitions.get(name) ?? 0) + 1)
    const read = (name: string) => {
      if (name !== '' && !innerDefinitions.get(name)) into.add(name)
    }
    for (const inner of graph.node) {
      for (const name of inner.input) read(name)
      addOuterReads(inner, innerDefinitions, into)
    }
    for (const { name } of graph.output) read(name)
    for (const name of defined) innerDefinitions.set(name, innerDefinitions.get(name)! - 1)
  }
}

/** Names of a graph's initializers. */
export function initializerNames(graph: GraphProto): string[] {
  const sparse = graph.sparseInitializer.map(({ values }) => values?.name ?? '')
  return [...graph.initializer.map(({ name }) => name), ...sparse]
}

/** Inputs that the caller must supply. Up to IR version 3, initializers had to be listed as inputs too. */
export function requiredInputs(graph: GraphProto): ValueInfoProto[] {
  const weights = new Set(initializerNames(graph))
  return graph.input.filter(({ name }) => !weights.has(name))
}

/** Maps each tensor to the node that computes it. */
export function producers(graph: GraphProto): Map<string, NodeProto> {
  const producerOf = new Map<string, NodeProto>()
  for (const node of graph.node) for (const name of node.output) if (name !== '') producerOf.set(name, node)
  return producerOf
}

/**
 * Returns the nodes in topological order. ONNX requires that order in a file, but onnxruntime accepts any.
 *
 * @returns `undefined` if the graph has a cycle
 */
export function topologicalOrder(graph: GraphProto): NodeProto[] | undefined {
  const producerOf = producers(graph)
  const before = new Map(graph.node.map((node) => [node, inputProducers(node, producerOf)]))
  if (isInOrder(graph.node, before)) return graph.node
  const readers = new Map<NodeProto, NodeProto[]>(graph.node.map((node) => [node, []]))
  for (const [node, inputNodes] of before)
    for (const producer of inputNodes) readers.get(producer)!.push(node)
  const pendingInputs = new Map(graph.node.map((node) => [node, before.get(node)!.size]))
  const order = graph.node.filter((node) => pendingInputs.get(node) === 0)
  // The list grows during the iteration.
  for (const node of order) {
    for (const reader of readers.get(node)!) {
      const left = pendingInputs.get(reader)! - 1
      pendingInputs.set(reader, left)
      if (left === 0) order.push(reader)
    }
  }
  return order.length === graph.node.length ? order : undefined
}

/** The nodes that compute a node's inputs. */
export function inputProducers(node: NodeProto, producerOf: Map<string, NodeProto>): Set<NodeProto> {
  return new Set(tensorsReadBy(node).flatMap((name) => producerOf.get(name) ?? []))
}

function isInOrder(nodes: NodeProto[], before: Map<NodeProto, Set<NodeProto>>): boolean {
  const passed = new Set<NodeProto>()
  return nodes.every((node) => {
    for (const producer of before.get(node)!) if (!passed.has(producer)) return false
    return passed.add(node)
  })
}

/** Name of a tensor's element type for messages: `'float16'`. */
export function typeName(type: DataType): string {
  // A file may contain numbers that are not valid types.
  return DataType[type]?.toLowerCase() ?? `unknown type ${type}`
}

/** Dimensions of a tensor, each `undefined` if symbolic; `undefined` as a whole if the shape is unknown. */
export function dimensions(type: TypeProto | undefined): (number | undefined)[] | undefined {
  if (type?.value.case !== 'tensorType') return undefined
  return type.value.value.shape?.dim.map(({ value }) =>
    value.case === 'dimValue' && value.value > 0n ? Number(value.value) : undefined,
  )
}
