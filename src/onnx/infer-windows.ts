import type { NodeProto } from 'onnx-buf'
import { integerOf, integersOf, textOf } from './attributes.ts'
import type { Dims } from './infer.ts'

/** The shape of a convolution's output: `x` [N, C, ...sides], `w` [filters, C / group, ...kernel]. */
export function convolved(node: NodeProto, x: Dims | undefined, w: Dims | undefined): Dims | undefined {
  if (!x) return undefined
  const kernel = integersOf(node, 'kernel_shape') ?? w?.slice(2)
  return [x[0], w?.[0], ...x.slice(2).map((side, i) => windows(node, side, kernel?.[i], i))]
}

/** The shape of a pooling's output. */
export function pooled(node: NodeProto, x: Dims | undefined): Dims | undefined {
  const kernel = integersOf(node, 'kernel_shape')
  return x && [x[0], x[1], ...x.slice(2).map((side, i) => windows(node, side, kernel?.[i], i))]
}

/** The shape of a transposed convolution's output: `w` [C, filters / group, ...kernel]. */
export function convolvedBack(node: NodeProto, x: Dims | undefined, w: Dims | undefined): Dims | undefined {
  if (!x) return undefined
  const kernel = integersOf(node, 'kernel_shape') ?? w?.slice(2)
  const filters = w?.[1] === undefined ? undefined : w[1] * integerOf(node, 'group', 1)
  const given = integersOf(node, 'output_shape')
  const sides = x.slice(2).map((side, i) => {
    if (given) return given.at(i - (x.length - 2))
    const length = kernel?.[i]
    if (side === undefined || length === undefined) return undefined
    const { stride, dilation, before, after } = alongAxis(node, i, x.length - 2)
    if (/^SAME/.test(textOf(node, 'auto_pad', 'NOTSET'))) return side * stride
    const extra = integersOf(node, 'output_padding')?.[i] ?? 0
    return stride * (side - 1) + extra + (length - 1) * dilation + 1 - before - after
  })
  return [x[0], filters, ...sides]
}

/** How many places a window has along one side. */
function windows(
  node: NodeProto,
  side: number | undefined,
  kernel: number | undefined,
  axis: number,
): number | undefined {
  if (side === undefined || kernel === undefined) return undefined
  const { stride, dilation, before, after } = alongAxis(node, axis)
  const reach = (kernel - 1) * dilation + 1
  const padding = textOf(node, 'auto_pad', 'NOTSET')
  if (/^SAME/.test(padding)) return Math.ceil(side / stride)
  if (padding === 'VALID') return Math.floor((side - reach) / stride) + 1
  const steps = (side + before + after - reach) / stride
  if (integerOf(node, 'ceil_mode', 0) === 0) return Math.floor(steps) + 1
  const places = Math.ceil(steps) + 1
  // A last window that would begin behind the picture is left out.
  return (places - 1) * stride >= side + before ? places - 1 : places
}

function alongAxis(node: NodeProto, axis: number, rank = (integersOf(node, 'pads')?.length ?? 0) / 2) {
  const pads = integersOf(node, 'pads')
  return {
    stride: integersOf(node, 'strides')?.[axis] ?? 1,
    dilation: integersOf(node, 'dilations')?.[axis] ?? 1,
    before: pads?.[axis] ?? 0,
    after: pads?.[axis + rank] ?? 0,
  }
}
