import type { GraphProto, NodeProto, TypeProto, ValueInfoProto } from 'onnx-buf'

/** The bodies of `If`, `Loop` and `Scan`. */
export function subgraphs(node: NodeProto): GraphProto[] {
  return node.attribute.flatMap(({ g, graphs }) => (g ? [g, ...graphs] : graphs))
}

/** The tensors that a node reads, also from within its sub-graphs, which see those of the graph around them. */
export function readBy(node: NodeProto): string[] {
  const names = node.input.filter((name) => name !== '')
  for (const graph of subgraphs(node)) {
    const own = new Set(constants(graph))
    for (const { name } of graph.input) own.add(name)
    for (const inner of graph.node) for (const name of inner.output) own.add(name)
    const outer = [...graph.node.flatMap(readBy), ...graph.output.map(({ name }) => name)]
    names.push(...outer.filter((name) => !own.has(name)))
  }
  return names
}

/** The names of a graph's constants. */
export function constants(graph: GraphProto): string[] {
  const sparse = graph.sparseInitializer.map(({ values }) => values?.name ?? '')
  return [...graph.initializer.map(({ name }) => name), ...sparse]
}

/** The inputs that a caller must feed: old files list their weights among the inputs as well. */
export function requiredInputs(graph: GraphProto): ValueInfoProto[] {
  const given = new Set(constants(graph))
  return graph.input.filter(({ name }) => !given.has(name))
}

/** The node that makes each tensor. */
export function producers(graph: GraphProto): Map<string, NodeProto> {
  const made = new Map<string, NodeProto>()
  for (const node of graph.node) for (const name of node.output) if (name !== '') made.set(name, node)
  return made
}

/** The dimensions of a tensor: a number where it is fixed, `undefined` where it is free; none if not known. */
export function dimensions(type: TypeProto | undefined): (number | undefined)[] | undefined {
  if (type?.value.case !== 'tensorType') return undefined
  return type.value.value.shape?.dim.map(({ value }) =>
    value.case === 'dimValue' && value.value > 0n ? Number(value.value) : undefined,
  )
}
