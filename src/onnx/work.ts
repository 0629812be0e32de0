import type { GraphProto, NodeProto } from 'onnx-buf'
import { integerOf } from './attributes.ts'
import { producers, readBy } from './graph.ts'
import type { Dims, TensorFacts } from './infer.ts'

/** Where an operator that multiplies has its weights (or second factor). */
const weightInput = new Map(
  Object.entries({
    Conv: 1,
    FusedConv: 1,
    ConvInteger: 1,
    QLinearConv: 3,
    ConvTranspose: 1,
    MatMul: 1,
    MatMulInteger: 1,
    QLinearMatMul: 3,
    Gemm: 1,
    QGemm: 3,
  }),
)

/**
 * The multiply-adds of a node's convolution or matrix product; 0 for operators without one, which cost next to
 * nothing in a CNN.
 *
 * @returns `undefined` where a shape is not known
 */
export function multiplyAdds(node: NodeProto, facts: Map<string, TensorFacts>): number | undefined {
  const at = weightInput.get(node.opType)
  if (at === undefined) return 0
  const x = facts.get(node.input[0])?.dims
  const weights = facts.get(node.input[at])?.dims
  const answer = facts.get(node.output[0])?.dims
  if (!x || !weights || !answer) return undefined
  if (node.opType === 'ConvTranspose') return product([...x, ...weights.slice(1)])
  if (node.opType.includes('Conv')) return product([...answer, ...weights.slice(1)])
  const isTransposed = /Gemm/.test(node.opType) && integerOf(node, 'transA', 0) === 1
  return product([...answer, isTransposed ? x[0] : x.at(-1)])
}

/**
 * What share of the network's multiply-adds each tensor needs: its own node's and those of all nodes before it
 * that it depends on.
 *
 * @returns from 0 to 1 by tensor, or nothing where a shape is not known
 */
export function workShares(graph: GraphProto, facts: Map<string, TensorFacts>): Map<string, number> {
  const work = new Map<NodeProto, number>()
  let total = 0
  for (const node of graph.node) {
    const own = multiplyAdds(node, facts)
    if (own === undefined) return new Map()
    work.set(node, own)
    total += own
  }
  const made = producers(graph)
  const shares = new Map<string, number>()
  for (const node of graph.node) {
    let sum = 0
    const seen = new Set<NodeProto>()
    const open = [node]
    for (let one = open.pop(); one; one = open.pop()) {
      if (seen.has(one)) continue
      seen.add(one)
      sum += work.get(one)!
      for (const name of readBy(one)) {
        const before = made.get(name)
        if (before) open.push(before)
      }
    }
    for (const name of node.output) shares.set(name, total > 0 ? sum / total : 1)
  }
  return shares
}

function product(sizes: Dims): number | undefined {
  return sizes.reduce<number | undefined>(
    (all, size) => (all === undefined || size === undefined ? undefined : all * size),
    1,
  )
}
