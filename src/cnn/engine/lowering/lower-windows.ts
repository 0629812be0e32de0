// Lowering of convolutions and of global averages, and the geometry of windows.

import { show } from '../../../core/errors.ts'
import { integerOf, integersOf, textOf } from '../../../onnx/graph/attributes.ts'
import type { NodeProto } from '../../../onnx/proto/onnx.ts'
import type { Lower, Lowering, Tensor, View } from './lowering.ts'
import { NotForEngine } from './not-for-engine.ts'
import type { MapShape, Windows } from './operations.ts'

/** A 1x1 window without strides, dilations or padding. */
export const single: Windows = {
  kernel: [1, 1],
  strides: [1, 1],
  dilations: [1, 1],
  before: [0, 0],
  after: [0, 0],
}

const convolution: Lower = (lowering, node) => {
  const [x, w, b] = node.input
  const { value, view } = lowering.tensor(x)
  const weights = lowering.weights(w)
  const [filters, depth, ...kernel] = weights.dims
  const groups = integerOf(node, 'group', 1)
  const { channels } = value.shape
  if (view !== 'first' || weights.dims.length !== 4)
    throw new NotForEngine('it has convolutions that are not two-dimensional')
  const told = integersOf(node, 'kernel_shape') ?? kernel
  const isSound = depth * groups === channels && filters % groups === 0 && told.join() === kernel.join()
  if (!isSound) {
    throw new NotForEngine(`the weights ${show(w)} do not fit the ${channels} channels of ${show(x)}`)
  }
  const windows = windowsOf(node, value.shape, kernel)
  const [height, width] = placesOf(windows, value.shape)
  const bias = lowering.constant(b)?.read() ?? new Float32Array(filters)
  if (b && !lowering.constant(b)) throw new NotForEngine(`${show(b)} is not a constant`)
  if (bias.length !== filters) throw new NotForEngine(`the bias ${show(b)} does not fit ${filters} filters`)
  lowering.add(node, { channels: filters, height, width }, 'first', {
    type: 'convolution',
    input: value,
    ...windows,
    groups,
    weights: weights.read,
    halves: weights.halves,
    scale: undefined,
    bias,
    residual: undefined,
  })
}

/** x * factor + summand per channel, represented as a 1x1 depthwise convolution. */
export function scaleChannels(
  lowering: Lowering,
  node: NodeProto,
  { value, view }: Tensor,
  factors: Float32Array,
  summands: Float32Array,
): void {
  lowering.add(node, value.shape, view, {
    type: 'convolution',
    input: value,
    ...single,
    groups: value.shape.channels,
    weights: () => factors,
    scale: undefined,
    bias: summands,
    residual: undefined,
  })
}

/** Global max or average pooling. */
export function global(lowering: Lowering, node: NodeProto, isMax: boolean, view: View): void {
  const { value } = lowering.tensor(node.input[0])
  const { channels, height, width } = value.shape
  lowering.add(node, { channels, height: 1, width: 1 }, view, {
    type: 'pooling',
    input: value,
    ...single,
    kernel: [height, width],
    isMax,
    countsPadding: false,
  })
}

/** Lowers global pooling of maps. */
export function globalPooling(isMax: boolean): Lower {
  return (lowering, node) => {
    if (lowering.tensor(node.input[0]).view !== 'first')
      throw new NotForEngine('it has poolings that are not 2-d')
    global(lowering, node, isMax, 'first')
  }
}

/** Lowering functions by ONNX operator. */
export const lowerWindows: Record<string, Lower> = {
  Conv: convolution,
  GlobalAveragePool: globalPooling(false),
}

type Pair = [number, number]

/**
 * Window geometry of a node, from its attributes.
 *
 * @param shape shape of the input map
 * @param kernel rows and columns of a window
 * @throws {NotForEngine} for windows that are not 2-d, and for negative padding
 */
export function windowsOf(node: NodeProto, shape: MapShape, kernel: number[]): Windows {
  const strides = integersOf(node, 'strides') ?? kernel.map(() => 1)
  const dilations = integersOf(node, 'dilations') ?? kernel.map(() => 1)
  const pads = integersOf(node, 'pads') ?? [...kernel, ...kernel].map(() => 0)
  const isPair = kernel.length === 2 && strides.length === 2 && dilations.length === 2 && pads.length === 4
  const isSound =
    [...kernel, ...strides, ...dilations].every((n) => n > 0) && pads.every((n) => n >= 0 && n < 2 ** 20)
  if (!isPair || !isSound)
    throw new NotForEngine(
      `the windows of node '${node.name}' are not two-dimensional, or have negative padding`,
    )
  let before = pads.slice(0, 2)
  let after = pads.slice(2)
  const padding = textOf(node, 'auto_pad', 'NOTSET')
  if (padding !== 'NOTSET') {
    before = [0, 0]
    after = [0, 0]
    if (/^SAME/.test(padding)) {
      for (const [i, side] of [shape.height, shape.width].entries()) {
        const reach = (kernel[i] - 1) * dilations[i] + 1
        const all = Math.max(0, (Math.ceil(side / strides[i]) - 1) * strides[i] + reach - side)
        before[i] = padding === 'SAME_UPPER' ? all >> 1 : (all + 1) >> 1
        after[i] = all - before[i]
      }
    }
  }
  return {
    kernel: kernel as Pair,
    strides: strides as Pair,
    dilations: dilations as Pair,
    before: before as Pair,
    after: after as Pair,
  }
}

/** Numbers of windows, vertically and horizontally, which are the output's height and width. */
export function placesOf(windows: Windows, shape: MapShape, node?: NodeProto): Pair {
  const ceil = node !== undefined && integerOf(node, 'ceil_mode', 0) === 1
  return [shape.height, shape.width].map((side, i) => {
    const { kernel, strides, dilations, before, after } = windows
    const reach = (kernel[i] - 1) * dilations[i] + 1
    const steps = (side + before[i] + after[i] - reach) / strides[i]
    if (!ceil) return Math.floor(steps) + 1
    const places = Math.ceil(steps) + 1
    // With ceil_mode, a last window that would start beyond the input and its leading padding is dropped.
    return (places - 1) * strides[i] >= side + before[i] ? places - 1 : places
  }) as Pair
}
