import { requiredInputs, tensorsReadBy } from '../../onnx/graph/graph.ts'
import type { GraphProto, NodeProto } from '../../onnx/proto/onnx.ts'

/** A tensor that everything computed later depends on, and the index of the node that computes it. */
export interface Bottleneck {
  name: string
  at: number
}

/**
 * Finds the tensors on a path through a network from which all later ones are computed, in order.
 *
 * @param graph the network, whose inputs the path starts from
 * @param path nodes in topological order
 * @param isIgnored whether a tensor does not count as a bypass of the others, such as the averages of an inner map that
 *   are concatenated with the features at the end
 */
export function bottlenecks(
  graph: GraphProto,
  path: NodeProto[],
  isLayer: (name: string) => boolean,
  isIgnored: (name: string) => boolean,
): Bottleneck[] {
  /** For each tensor, index of the last node that computes something from it. */
  const lastReader = new Map<string, number>()
  for (const [i, node] of path.entries()) {
    if (node.output.every(isIgnored)) continue
    for (const name of tensorsReadBy(node)) lastReader.set(name, i)
  }
  // Tensors that later ones still depend on.
  const open = new Set(requiredInputs(graph).map(({ name }) => name))
  for (const name of open) if (!lastReader.has(name)) lastReader.set(name, 0)
  /** For each node, the tensors that no later node reads. */
  const finished: string[][] = path.map(() => [])
  for (const [name, i] of lastReader) finished[i].push(name)
  const found: Bottleneck[] = []
  for (const [at, node] of path.entries()) {
    const isActivation = tensorsReadBy(node).some((name) => open.has(name)) || node.output.some(isLayer)
    const made = isActivation ? node.output.filter((name) => !isIgnored(name)) : []
    for (const name of made) if ((lastReader.get(name) ?? -1) > at) open.add(name)
    for (const name of finished[at]) open.delete(name)
    const isAlone = made.length === 1 && (open.size === 0 || (open.size === 1 && open.has(made[0])))
    if (isAlone && isLayer(made[0])) found.push({ name: made[0], at })
  }
  return found
}
