// Lowering of convolutions and pooling.

import { show } from '../../../core/errors.ts'
import { integerOf, integersOf } from '../../../onnx/graph/attributes.ts'
import type { NodeProto } from '../../../onnx/proto/onnx.ts'
import type { Lower, Lowering, Tensor, View } from './lowering.ts'
import { NotForEngine } from './not-for-engine.ts'
import type { Windows } from './operations.ts'
import { placesOf, windowsOf } from './windows.ts'

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

function pooling(isMax: boolean): Lower {
  return (lowering, node) => {
    const { value, view } = lowering.tensor(node.input[0])
    if (view !== 'first') throw new NotForEngine('it has poolings that are not 2-d')
    const windows = windowsOf(node, value.shape, integersOf(node, 'kernel_shape') ?? [])
    const [height, width] = placesOf(windows, value.shape, node)
    lowering.add(node, { channels: value.shape.channels, height, width }, 'first', {
      type: 'pooling',
      input: value,
      ...windows,
      isMax,
      countsPadding: integerOf(node, 'count_include_pad', 0) === 1,
    })
  }
}

/** Global max or average pooling. */
function global(lowering: Lowering, node: NodeProto, isMax: boolean, view: View): void {
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

function globalPooling(isMax: boolean): Lower {
  return (lowering, node) => {
    if (lowering.tensor(node.input[0]).view !== 'first')
      throw new NotForEngine('it has poolings that are not 2-d')
    global(lowering, node, isMax, 'first')
  }
}

function reduction(isMax: boolean): Lower {
  return (lowering, node) => {
    const [x, over] = node.input
    const { view } = lowering.tensor(x)
    const rank = lowering.dims(x).length
    const axes = over ? lowering.integers(over) : (integersOf(node, 'axes') ?? [])
    const reduced = axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b)
    const spatial = { first: '2,3', last: '1,2', flat: '' }[view]
    if (reduced.join() !== spatial || view === 'flat') {
      throw new NotForEngine(`node ${show(node.name)} reduces axes other than height and width`)
    }
    const keeps = integerOf(node, 'keepdims', 1) === 1
    global(lowering, node, isMax, keeps ? view : 'flat')
  }
}

/** Lowering functions by ONNX operator. */
export const lowerWindows: Record<string, Lower> = {
  Conv: convolution,
  MaxPool: pooling(true),
  AveragePool: pooling(false),
  GlobalMaxPool: globalPooling(true),
  GlobalAveragePool: globalPooling(false),
  ReduceMean: reduction(false),
  ReduceMax: reduction(true),
}
