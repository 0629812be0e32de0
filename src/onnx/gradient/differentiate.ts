import { SoftmarginError, show } from '../../core/errors.ts'
import { isOnnxDomain } from '../graph/operator-set.ts'
import type { GraphProto, NodeProto } from '../proto/onnx.ts'
import type { GraphBuilder, Tensor } from './graph-builder.ts'
import { NoGradient } from './no-gradient.ts'
import { Operation, type Rules } from './rule.ts'
import { convolutions } from './rules-convolutions.ts'
import { elementwise } from './rules-elementwise.ts'
import { normalisations } from './rules-normalisations.ts'
import { pools } from './rules-pools.ts'
import { products } from './rules-products.ts'
import { reductions } from './rules-reductions.ts'
import { shapes } from './rules-shapes.ts'

const rules: Rules = {
  ...elementwise,
  ...reductions,
  ...shapes,
  ...products,
  ...convolutions,
  ...pools,
  ...normalisations,
}

/** Operators whose results do not change with small changes of their inputs. */
const ZERO_DERIVATIVE = new Set(
  'Shape Size ConstantOfShape Equal Greater Less GreaterOrEqual LessOrEqual Not And Or Xor Sign Floor Ceil Round ArgMax ArgMin'.split(
    ' ',
  ),
)

/** Names of the operators that gradients can pass, sorted. */
export const differentiable: readonly string[] = Object.keys(rules).sort()

/**
 * Appends the backward pass: the gradients of a loss (reverse mode, one rule for each operator).
 *
 * @param loss tensor whose sum is the loss
 * @param wanted tensors whose gradients are wanted: inputs, initializers or results of nodes
 * @returns the gradient of each tensor that the loss depends on
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` naming the node that a gradient cannot pass
 */
export function differentiate(g: GraphBuilder, loss: Tensor, wanted: readonly string[]): Map<string, Tensor> {
  const forward = [...g.nodes]
  const depends = dependents(forward, wanted)
  const gradients = new Map<string, Tensor>([[loss, g.expand(g.scalar(1), g.dims(loss))]])
  for (const node of forward.reverse()) {
    const dys = node.output.map((name) => gradients.get(name))
    if (dys.every((dy) => dy === undefined) || !node.input.some((name) => depends.has(name))) continue
    for (const [i, gradient] of backward(g, node, dys).entries()) {
      const name = node.input[i]
      if (gradient === undefined || !depends.has(name)) continue
      const summed = g.sumToShape(gradient, g.dims(name))
      const before = gradients.get(name)
      gradients.set(name, before === undefined ? summed : g.add(before, summed))
    }
  }
  return new Map(wanted.flatMap((name) => (gradients.has(name) ? [[name, gradients.get(name)!]] : [])))
}

/** Whether the gradient can pass an operator, as far as its name tells. */
export function hasRule({ opType, domain }: NodeProto): boolean {
  return isOnnxDomain(domain) && (Object.hasOwn(rules, opType) || ZERO_DERIVATIVE.has(opType))
}

function backward(g: GraphBuilder, node: NodeProto, dys: (Tensor | undefined)[]): (Tensor | undefined)[] {
  if (!hasRule(node)) throw unsupported(node, 'it has no rule for its gradient')
  try {
    return rules[node.opType](g, new Operation(g, node, dys))
  } catch (error) {
    if (error instanceof NoGradient) throw unsupported(node, error.message)
    throw error
  }
}

function unsupported({ opType, name }: NodeProto, why: string): SoftmarginError {
  const message = `the network cannot be trained through operator ${opType} of node ${show(name)}: ${why}`
  return new SoftmarginError('MODEL_UNSUPPORTED', message, { argument: 'model', received: opType })
}

/** The tensors that change with some tensors. */
function dependents(nodes: NodeProto[], from: readonly string[]): Set<string> {
  const found = new Set(from)
  for (const { opType, input, output } of nodes) {
    if (ZERO_DERIVATIVE.has(opType) || !input.some((name) => found.has(name))) continue
    for (const name of output) if (name !== '') found.add(name)
  }
  return found
}

/**
 * The tensors through which a gradient cannot pass on its way back from a result, because a node behind them has no
 * rule, each with that node.
 *
 * @param graph in topological order
 */
export function blockedTensors(graph: GraphProto, result: string): Map<string, NodeProto> {
  const needed = new Set([result])
  const blocked = new Map<string, NodeProto>()
  for (const node of graph.node.toReversed()) {
    if (!node.output.some((name) => needed.has(name))) continue
    if (ZERO_DERIVATIVE.has(node.opType)) continue
    const by = hasRule(node) ? node.output.map((name) => blocked.get(name)).find((one) => one) : node
    for (const name of node.input) {
      needed.add(name)
      if (by && !blocked.has(name)) blocked.set(name, by)
    }
  }
  return blocked
}
