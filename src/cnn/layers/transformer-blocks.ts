import { producers, requiredInputs, tensorsReadBy } from '../../onnx/graph/graph.ts'
import type { GraphProto, NodeProto } from '../../onnx/proto/onnx.ts'
import type { Bottleneck } from './bottlenecks.ts'

/** Fused attention, in ONNX and in ONNX Runtime's own operators. */
const attention = new Set([
  'Attention',
  'MultiHeadAttention',
  'PackedMultiHeadAttention',
  'GroupQueryAttention',
])

/**
 * Finds the outputs of a network's transformer blocks.
 *
 * A block is a sequence of residual additions: the first has attention in its branch, and the following ones, up to the
 * next attention, have none (the MLP).
 *
 * @param path nodes in topological order
 * @param narrow bottlenecks of the path; the branches are between them
 * @returns the outputs, from the first block to the last
 */
export function transformerBlocks(graph: GraphProto, path: NodeProto[], narrow: Bottleneck[]): string[] {
  const activations = new Set(requiredInputs(graph).map(({ name }) => name))
  const attends = path.map((node) => {
    if (tensorsReadBy(node).some((name) => activations.has(name))) {
      for (const name of node.output) activations.add(name)
    }
    return isAttention(node, activations)
  })
  const hasAttention = (from: number, to: number) => attends.slice(from, to).includes(true)
  const byName = new Map(narrow.map((one) => [one.name, one]))
  const made = producers(graph)
  const blocks: string[] = []
  let end: Bottleneck | undefined
  for (const addition of narrow) {
    const start = skipInput(path[addition.at], byName, made, activations)
    if (!start) continue
    if (hasAttention(start.at, addition.at)) {
      if (end) blocks.push(end.name)
      end = addition
    } else if (end && !hasAttention(end.at, start.at + 1)) end = addition
  }
  if (end) blocks.push(end.name)
  return blocks
}

/** Whether a node is attention, or its product of two activations. @param activations tensors that depend on the image */
export function isAttention(node: NodeProto, activations: Set<string>): boolean {
  const read = tensorsReadBy(node).filter((name) => activations.has(name))
  return node.opType === 'MatMul' ? read.length > 1 : read.length > 0 && attention.has(node.opType)
}

/** The bottleneck that a residual addition adds its branch to; `undefined` for other nodes. */
function skipInput(
  node: NodeProto | undefined,
  byName: Map<string, Bottleneck>,
  made: Map<string, NodeProto>,
  activations: Set<string>,
): Bottleneck | undefined {
  // The addition of a bias is not a residual addition.
  if (node?.opType !== 'Add' || !node.input.every((name) => activations.has(name))) return undefined
  for (const name of node.input) {
    // A parallel attention and MLP result in two consecutive additions.
    const found = byName.get(name) ?? skipInput(made.get(name), byName, made, activations)
    if (found) return found
  }
  return undefined
}
