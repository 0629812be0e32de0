import { integerOf, integersOf, textOf } from '../graph/attributes.ts'
import type { NodeProto } from '../proto/onnx.ts'
import type { Dims } from './tensor-info.ts'

/** Output shape of a convolution with `x` [N, C, ...sides] and `w` [filters, C / group, ...kernel]. */
export function convolved(node: NodeProto, x: Dims | undefined, w: Dims | undefined): Dims | undefined {
  if (!x || x.length < 3) return undefined
  const window = windowOf(node, x.length - 2, w?.slice(2))
  return [x[0], w?.[0], ...x.slice(2).map((side, i) => places(window, side, i))]
}

/** Output shape of a pooling operator. */
export function pooled(node: NodeProto, x: Dims | undefined): Dims | undefined {
  if (!x || x.length < 3) return undefined
  const window = windowOf(node, x.length - 2)
  return [x[0], x[1], ...x.slice(2).map((side, i) => places(window, side, i))]
}

/** Output shape of a transposed convolution with `w` [C, filters / group, ...kernel]. */
export function convolvedBack(node: NodeProto, x: Dims | undefined, w: Dims | undefined): Dims | undefined {
  if (!x || x.length < 3) return undefined
  const rank = x.length - 2
  const window = windowOf(node, rank, w?.slice(2))
  const filters = w?.[1] === undefined ? undefined : w[1] * integerOf(node, 'group', 1)
  const given = integersOf(node, 'output_shape')
  const extra = integersOf(node, 'output_padding')
  const sides = x.slice(2).map((side, i) => {
    if (given) return given.at(i - rank)
    const { length, stride, dilation, before, after } = alongAxis(window, i)
    if (side === undefined || length === undefined) return undefined
    if (window.isSame) return side * stride
    return stride * (side - 1) + (extra?.[i] ?? 0) + (length - 1) * dilation + 1 - before - after
  })
  return [x[0], filters, ...sides]
}

/** Window attributes of a node, with one list entry per axis. */
interface Window {
  /** Number of spatial axes. */
  rank: number
  kernel: Dims | undefined
  strides: number[] | undefined
  dilations: number[] | undefined
  /** Padding before the image along each axis, then after it. */
  pads: number[] | undefined
  /** Whether auto_pad makes the output as large as the input divided by the strides. */
  isSame: boolean
  isValid: boolean
  roundsUp: boolean
}

/** Reads the attributes once rather than per axis, because the lists in a file may be long. */
function windowOf(node: NodeProto, rank: number, kernelOfWeights?: Dims): Window {
  const padding = textOf(node, 'auto_pad', 'NOTSET')
  return {
    rank,
    kernel: integersOf(node, 'kernel_shape') ?? kernelOfWeights,
    strides: integersOf(node, 'strides'),
    dilations: integersOf(node, 'dilations'),
    pads: integersOf(node, 'pads'),
    isSame: padding === 'SAME_UPPER' || padding === 'SAME_LOWER',
    isValid: padding === 'VALID',
    roundsUp: integerOf(node, 'ceil_mode', 0) !== 0,
  }
}

/** Number of window positions along one axis. */
function places(window: Window, side: number | undefined, axis: number): number | undefined {
  const { length, stride, dilation, before, after } = alongAxis(window, axis)
  if (side === undefined || length === undefined) return undefined
  const reach = (length - 1) * dilation + 1
  if (window.isSame) return Math.ceil(side / stride)
  if (window.isValid) return Math.floor((side - reach) / stride) + 1
  const steps = (side + before + after - reach) / stride
  if (!window.roundsUp) return Math.floor(steps) + 1
  const count = Math.ceil(steps) + 1
  // With ceil_mode, a last window that would start beyond the input and its leading padding is dropped.
  return (count - 1) * stride >= side + before ? count - 1 : count
}

function alongAxis({ rank, kernel, strides, dilations, pads }: Window, axis: number) {
  return {
    length: kernel?.[axis],
    stride: strides?.[axis] ?? 1,
    dilation: dilations?.[axis] ?? 1,
    before: pads?.[axis] ?? 0,
    after: pads?.[axis + rank] ?? 0,
  }
}
