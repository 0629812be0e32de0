import { integerOf } from '../graph/attributes.ts'
import { inputProducers, producers, topologicalOrder } from '../graph/graph.ts'
import type { GraphProto, NodeProto } from '../proto/onnx.ts'
import type { Dims, TensorInfo } from './tensor-info.ts'

/** Input index of the weights (or second factor), by operator. */
const weightInput = new Map([
  ['Conv', 1],
  ['FusedConv', 1],
  ['ConvInteger', 1],
  ['QLinearConv', 3],
  ['ConvTranspose', 1],
  ['MatMul', 1],
  ['MatMulInteger', 1],
  ['QLinearMatMul', 3],
  ['Gemm', 1],
  ['QGemm', 3],
])

/**
 * Maximum number of steps of `workShares`: enough for any graph of up to some 2,900 nodes, plus 64 per node
 * in larger ones, which branches of ordinary length never need.
 */
const maxSteps = (nodes: number) => 2 ** 22 + 64 * nodes

/**
 * Number of multiply-adds of a node's convolution or matrix product; 0 for other operators, whose cost is
 * negligible in a CNN.
 *
 * @returns `undefined` if a shape is unknown
 */
export function multiplyAdds(node: NodeProto, facts: Map<string, TensorInfo>): number | undefined {
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
 * The fraction of the network's multiply-adds needed to compute each tensor, by its producer and all nodes
 * that it depends on.
 *
 * @returns fractions from 0 to 1 by tensor name; empty if a shape is unknown, the graph has a cycle, or the
 *   branches of a large graph are so entangled that the computation would take more than `maxSteps`
 */
export function workShares(graph: GraphProto, facts: Map<string, TensorInfo>): Map<string, number> {
  const order = topologicalOrder(graph)
  if (!order) return new Map()
  const nodeWork: number[] = []
  for (const node of order) {
    const work = multiplyAdds(node, facts)
    if (work === undefined) return new Map()
    nodeWork.push(work)
  }
  const total = nodeWork.reduce((sum, work) => sum + work, 0)
  if (!Number.isFinite(total)) return new Map()
  const sums = sumsOverAncestors(predecessors(graph, order), nodeWork)
  const shares = new Map<string, number>()
  for (const [i, sum] of sums.entries()) {
    for (const name of order[i].output) shares.set(name, total > 0 ? sum / total : 1)
  }
  return shares
}

/** For each node, the positions in `order` of the nodes it reads from, all before its own. */
function predecessors(graph: GraphProto, order: NodeProto[]): number[][] {
  const made = producers(graph)
  const place = new Map(order.map((node, i) => [node, i]))
  return order.map((node) => Array.from(inputProducers(node, made), (maker) => place.get(maker)!))
}

/**
 * For each node, the sum of `own` over the node and all its ancestors, each counted once.
 *
 * A node with one predecessor adds its own value to the predecessor's sum. Where branches join, their nodes
 * are visited backwards until they meet in a single node, whose sum is known. The time is therefore
 * proportional to the branches, not to the network before them.
 *
 * @param before positions of each node's predecessors, all before its own
 * @returns an empty list if this takes too many steps
 */
function sumsOverAncestors(before: number[][], nodeWork: number[]): number[] {
  let left = maxSteps(before.length)
  const sums: number[] = []
  /** For each node, the last node on whose behalf it was reached. */
  const metFor = new Int32Array(before.length).fill(-1)
  for (let node = 0; node < before.length; node++) {
    let sum = nodeWork[node]
    /** Number of nodes reached but not yet visited. */
    let open = 0
    const meet = (list: number[]) => {
      left -= list.length
      for (const one of list) {
        // Skip nodes that depend on no multiply-adds, such as dequantized weights: they would only
        // lengthen the walk.
        if (metFor[one] === node || sums[one] === 0) continue
        metFor[one] = node
        open++
      }
    }
    meet(before[node])
    for (let at = node - 1; open > 0; at--) {
      if (--left < 0) return []
      if (metFor[at] !== node) continue
      if (open === 1) {
        sum += sums[at]
        break
      }
      sum += nodeWork[at]
      open--
      meet(before[at])
    }
    sums.push(sum)
  }
  return sums
}

function product(sizes: Dims): number | undefined {
  return sizes.reduce<number | undefined>(
    (all, size) => (all === undefined || size === undefined ? undefined : all * size),
    1,
  )
}
