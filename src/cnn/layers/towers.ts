import { tensorsReadBy } from '../../onnx/graph/graph.ts'
import type { NodeProto } from '../../onnx/proto/onnx.ts'

/**
 * Divides a network into its towers: parts side by side that have nothing in common but the image, until their features are
 * joined. Most networks are one tower.
 *
 * @param path nodes in topological order
 * @param isFeature whether a tensor has one number for each channel; nodes that make nothing else join no towers and belong to
 *   each of them
 */
export function towersOf(path: NodeProto[], isFeature: (name: string) => boolean): NodeProto[][] {
  /** The tower of each tensor. Towers are united where a node reads of several. */
  const towers = new Map<string, Set<NodeProto>>()
  const common = new Set<NodeProto>()
  for (const node of path) {
    if (node.output.every(isFeature)) {
      common.add(node)
      continue
    }
    const read = new Set(tensorsReadBy(node).flatMap((name) => towers.get(name) ?? []))
    // The smaller ones go into the largest, so that no node moves often.
    const [tower = new Set<NodeProto>(), ...others] = [...read].sort((a, b) => b.size - a.size)
    for (const member of [node, ...others.flatMap((other) => [...other])]) {
      tower.add(member)
      for (const name of member.output) towers.set(name, tower)
    }
  }
  return [...new Set(towers.values())].map((tower) =>
    path.filter((node) => tower.has(node) || common.has(node)),
  )
}
