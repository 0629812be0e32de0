import type { GraphProto, NodeProto } from 'onnx-buf'
import { integerOf } from '../graph/attributes.ts'
import { makersRead, producers, topologicalOrder } from '../graph/graph.ts'
import type { Dims, TensorFacts } from './tensor-info.ts'

/** Where an operator that multiplies has its weights (or second factor). */
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
 * How many steps `workShares` takes before it gives up: enough for any graph of some 2,900 nodes, and in larger ones
 * 64 for each node, which branches of the usual length never need.
 */
const mostSteps = (nodes: number) => 2 ** 22 + 64 * nodes

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
 * @returns from 0 to 1 by tensor, or nothing where a shape is not known, or where the branches of a large graph are so
 *   entangled that it would take more than `mostSteps` to tell
 */
export function workShares(graph: GraphProto, facts: Map<string, TensorFacts>): Map<string, number> {
  const order = topologicalOrder(graph)
  if (!order) return new Map()
  const own: number[] = []
  for (const node of order) {
    const work = multiplyAdds(node, facts)
    if (work === undefined) return new Map()
    own.push(work)
  }
  const total = own.reduce((sum, work) => sum + work, 0)
  if (!Number.isFinite(total)) return new Map()
  const sums = sumsOverAncestors(predecessors(graph, order), own)
  const shares = new Map<string, number>()
  for (const [i, sum] of sums.entries()) {
    for (const name of order[i].output) shares.set(name, total > 0 ? sum / total : 1)
  }
  return shares
}

/** The places in `order` of the nodes that each node reads from, all before its own. */
function predecessors(graph: GraphProto, order: NodeProto[]): number[][] {
  const made = producers(graph)
  const place = new Map(order.map((node, i) => [node, i]))
  return order.map((node) => Array.from(makersRead(node, made), (maker) => place.get(maker)!))
}

/**
 * For each node the sum over itself and all its ancestors, each counted once.
 *
 * Where a node has one predecessor, its sum is that one's and its own. Where branches come together, their nodes are
 * visited backwards until they meet in a single node, whose sum is known: the time is that of the branches, not of
 * the network before them.
 *
 * @param before the places of each node's predecessors, all before its own
 * @returns an empty list where that takes too many steps
 */
function sumsOverAncestors(before: number[][], own: number[]): number[] {
  let left = mostSteps(before.length)
  const sums: number[] = []
  /** On behalf of which node each was met last. */
  const metFor = new Int32Array(before.length).fill(-1)
  for (let node = 0; node < before.length; node++) {
    let sum = own[node]
    /** Nodes that were met and not visited. */
    let open = 0
    const meet = (list: number[]) => {
      left -= list.length
      for (const one of list) {
        // What has no work behind it, such as weights that are dequantised, would only be a long way back.
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
      sum += own[at]
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
