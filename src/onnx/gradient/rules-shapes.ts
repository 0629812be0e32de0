import { axisOf } from '../shapes/infer-limits.ts'
import type { GraphBuilder, Tensor } from './graph-builder.ts'
import { NoGradient } from './no-gradient.ts'
import type { Rule, Rules } from './rule.ts'

const reshaped: Rule = (g, { x, dy }) => [g.reshape(dy, g.dims(x))]

/** Operators that move numbers without computing with them. */
export const shapes: Rules = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  // The sum over what was repeated follows from the sizes.
  Expand: (_, { dy }) => [dy],
  Transpose: (g, op) => {
    const rank = g.rank(op.x)
    const perm = op.integers('perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i)
    return [
      g.transpose(
        op.dy,
        perm.map((_, i) => perm.indexOf(i)),
      ),
    ]
  },
  Concat: (g, op) => {
    const axis = op.axis(0)
    let at = 0
    return op.node.input.map((part) => {
      const from = at
      at += g.dims(part)[axis]
      return g.slice(op.dy, [axis], [from], [at])
    })
  },
  Split: (g, op) => {
    const parts = op.node.output.map((part, i) => op.dys[i] ?? g.zeros(g.dims(part)))
    return [g.concat(parts, op.axis(0))]
  },
  Slice: (g, op) => {
    const dims = g.dims(op.x)
    const [starts, ends] = [op.constant(1, 'starts'), op.constant(2, 'ends')]
    if (!starts || !ends) throw new NoGradient('its starts and ends are not constants')
    const axes = (op.constant(3, 'axes') ?? starts.map((_, i) => i)).map((axis) => axisOf(axis, dims.length)!)
    const steps = op.constant(4) ?? starts.map(() => 1)
    return [axes.reduce((dy, axis, i) => unslice(g, dy, axis, dims[axis], starts[i], steps[i]), op.dy)]
  },
  Pad: (g, op) => {
    const mode = op.text('mode', 'constant')
    const pads = op.constant(1, 'pads')
    if (mode !== 'constant') throw new NoGradient(`its mode is '${mode}', and only 'constant' has a rule`)
    if (!pads || op.input(3) !== undefined) throw new NoGradient('its pads are not a constant for all axes')
    const dims = g.dims(op.x)
    const axes = [...dims.keys()]
    const ends = dims.map((size, i) => size + pads[i])
    // Negative padding removes elements, whose gradient is zero.
    const before = axes.map((i) => Math.max(0, -pads[i]))
    const after = axes.map((i) => Math.max(0, -pads[i + dims.length]))
    const inner = g.slice(
      op.dy,
      axes,
      axes.map((i) => Math.max(0, pads[i])),
      axes.map((i) => Math.min(g.dims(op.dy)[i], ends[i])),
    )
    return [g.pad(inner, before, after)]
  },
  Gather: (g, op) => {
    const indices = op.input(1) && g.values(op.node.input[1])
    if (!indices) throw new NoGradient('its indices are not constants')
    const dims = g.dims(op.x)
    const axis = op.axis(0)
    const [before, length, after] = [dims.slice(0, axis), dims[axis], dims.slice(axis + 1)]
    // The product with a matrix of zeros and ones moves every row to its place and sums rows that were gathered repeatedly.
    const back = new Float32Array(length * indices.length)
    for (const [i, index] of indices.entries()) back[axisOf(index, length)! * indices.length + i] = 1
    const count = (sizes: number[]) => sizes.reduce((all, n) => all * n, 1)
    const rows = g.reshape(op.dy, [count(before), indices.length, count(after)])
    return [g.reshape(g.matMul(g.floats(back, [length, indices.length]), rows), dims)]
  },
}

/** The gradient of a sliced tensor: that of the slice at its place, zeros elsewhere. */
function unslice(
  g: GraphBuilder,
  dy: Tensor,
  axis: number,
  length: number,
  start: number,
  step: number,
): Tensor {
  const dims = g.dims(dy)
  const count = dims[axis]
  const clamp = (at: number) =>
    Math.min(step > 0 ? length : length - 1, Math.max(0, at < 0 ? at + length : at))
  const stride = Math.abs(step)
  const first = step > 0 ? clamp(start) : clamp(start) - (count - 1) * stride
  const forward = step > 0 ? dy : g.slice(dy, [axis], [-1], [-(2 ** 31)], [-1])
  // The inverse of a stride inserts zeros after each element.
  const apart = stride === 1 ? forward : spaced(g, forward, axis, stride)
  const used = stride === 1 ? count : (count - 1) * stride + 1
  const tight = stride === 1 ? apart : g.slice(apart, [axis], [0], [used])
  const pads = (n: number) => dims.map((_, i) => (i === axis ? n : 0))
  return g.pad(tight, pads(first), pads(length - first - used))
}

/** Inserts `stride - 1` zeros after each element along an axis. */
function spaced(g: GraphBuilder, x: Tensor, axis: number, stride: number): Tensor {
  const dims = g.dims(x)
  const apart = g.reshape(x, [...dims.slice(0, axis + 1), 1, ...dims.slice(axis + 1)])
  const zeros = dims.map(() => 0)
  const after = [...zeros, 0].with(axis + 1, stride - 1)
  return g.reshape(g.pad(apart, [...zeros, 0], after), dims.with(axis, dims[axis] * stride))
}
