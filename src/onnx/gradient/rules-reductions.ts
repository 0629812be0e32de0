import type { GraphBuilder, Tensor } from './graph-builder.ts'
import type { Operation, Rules } from './rule.ts'

/** Operators that combine numbers along axes: sums, means, maxima, softmax. */
export const reductions: Rules = {
  ReduceSum: (g, op) => [broadcastGradient(g, op, op.dy)],
  ReduceMean: (g, op) => {
    const { x, y, dy } = op
    return [broadcastGradient(g, op, g.mul(dy, size(g, y) / size(g, x)))]
  },
  ReduceMax: (g, op) => {
    const { x, y, dy } = op
    const axes = op.axes(1, g.rank(x))
    return [toLargest(g, x, withOnes(g, op, y), withOnes(g, op, dy), axes)]
  },
  GlobalAveragePool: (g, { x, y, dy }) => [g.expand(g.mul(dy, size(g, y) / size(g, x)), g.dims(x))],
  GlobalMaxPool: (g, { x, y, dy }) => [toLargest(g, x, y, dy, [...g.dims(x).keys()].slice(2))],
  Softmax: (g, op) => {
    const { y, dy } = op
    return [g.mul(y, g.sub(dy, g.sum(g.mul(dy, y), softmaxAxes(g, op))))]
  },
  LogSoftmax: (g, op) => {
    const { y, dy } = op
    return [g.sub(dy, g.mul(g.emit('Exp', [y]), g.sum(dy, softmaxAxes(g, op))))]
  },
}

function size(g: GraphBuilder, x: Tensor): number {
  return g.dims(x).reduce((all, n) => all * n, 1)
}

/** The result of a reduction with its reduced axes restored, with size 1. */
function withOnes(g: GraphBuilder, op: Operation, result: Tensor): Tensor {
  const dims = g.dims(op.x)
  const axes = op.axes(1, dims.length)
  return g.reshape(
    result,
    dims.map((size, i) => (axes.includes(i) ? 1 : size)),
  )
}

/** Broadcasts the gradient of a reduction's result to the shape of its input. */
function broadcastGradient(g: GraphBuilder, op: Operation, dy: Tensor): Tensor {
  const isAll = (op.constant(1, 'axes') ?? []).length === 0
  if (isAll && op.integer('noop_with_empty_axes', 0) === 1) return dy
  return g.expand(withOnes(g, op, dy), g.dims(op.x))
}

/** The gradient of a maximum goes to the largest element; equal ones share it, as in PyTorch's `amax`. */
function toLargest(g: GraphBuilder, x: Tensor, y: Tensor, dy: Tensor, axes: number[]): Tensor {
  const isLargest = g.emit('Equal', [x, y])
  const share = g.div(dy, g.sum(g.mask(isLargest, g.expand(g.scalar(1), g.dims(x))), axes))
  return g.mask(isLargest, g.expand(share, g.dims(x)))
}

/** Up to operator set 12, Softmax took all axes from `axis` on together. */
function softmaxAxes(g: GraphBuilder, op: Operation): number[] {
  if (g.opset >= 13) return [op.axis(-1)]
  return Array.from({ length: g.rank(op.x) }, (_, i) => i).slice(op.axis(1))
}
