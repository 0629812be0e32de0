// Lowering of convolutions, matrix products, batch normalization and pooling.

import { show } from '../../../core/errors.ts'
import { attributeOf, integerOf, integersOf } from '../../../onnx/graph/attributes.ts'
import type { NodeProto } from '../../../onnx/proto/onnx.ts'
import type { Lowering, Tensor, View } from './lowering.ts'
import { NotForEngine } from './not-for-engine.ts'
import type { MapShape, Windows } from './operations.ts'
import { placesOf, windowsOf } from './windows.ts'

type Lower = (lowering: Lowering, node: NodeProto) => void

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

/** A product with a constant matrix, represented as a convolution whose window is the whole row. */
function product(
  lowering: Lowering,
  node: NodeProto,
  { value, view }: Tensor,
  matrix: { rows: number; filters: number; read: () => Float32Array },
  bias: Float32Array,
): void {
  const { channels, height, width } = value.shape
  // A flattened map has the same order as a convolution's weights.
  const kernel: [number, number] = view === 'flat' ? [height, width] : [1, 1]
  if (view === 'first' || matrix.rows !== channels * kernel[0] * kernel[1]) {
    throw new NotForEngine(
      `node ${show(node.name)} (${node.opType}) multiplies something other than rows of channels`,
    )
  }
  const shape: MapShape = {
    channels: matrix.filters,
    height: view === 'flat' ? 1 : height,
    width: view === 'flat' ? 1 : width,
  }
  lowering.add(node, shape, view, {
    type: 'convolution',
    input: value,
    ...single,
    kernel,
    groups: 1,
    weights: matrix.read,
    scale: undefined,
    bias,
    residual: undefined,
  })
}

function transposed(numbers: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(numbers.length)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) turned[j * rows + i] = numbers[i * columns + j]
  return turned
}

const gemm: Lower = (lowering, node) => {
  const [a, b, c] = node.input
  const weights = lowering.weights(b)
  if (integerOf(node, 'transA', 0) !== 0 || weights.dims.length !== 2)
    throw new NotForEngine('it has a Gemm with transA')
  const isTurned = integerOf(node, 'transB', 0) === 1
  const [rows, filters] = isTurned ? weights.dims.toReversed() : weights.dims
  const alpha = attributeOf(node, 'alpha')?.f ?? 1
  const beta = attributeOf(node, 'beta')?.f ?? 1
  const read = () => {
    const numbers = isTurned ? weights.read() : transposed(weights.read(), rows, filters)
    return alpha === 1 ? numbers : numbers.map((number) => alpha * number)
  }
  const added = c ? lowering.weights(c) : undefined
  const numbers = added?.read()
  if (numbers && (added!.dims.at(-1) ?? 1) !== numbers.length)
    throw new NotForEngine('it has a Gemm whose bias differs between rows')
  if (numbers && numbers.length !== 1 && numbers.length !== filters) {
    throw new NotForEngine(`the bias ${show(c)} does not fit ${filters} columns`)
  }
  const bias = Float32Array.from({ length: filters }, (_, i) => {
    return numbers ? beta * numbers[numbers.length === 1 ? 0 : i] : 0
  })
  product(lowering, node, lowering.tensor(a), { rows, filters, read }, bias)
}

const matMul: Lower = (lowering, node) => {
  const weights = lowering.weights(node.input[1])
  if (weights.dims.length !== 2) throw new NotForEngine('it multiplies by a tensor of more than 2 dimensions')
  const [rows, filters] = weights.dims
  const read = () => transposed(weights.read(), rows, filters)
  product(lowering, node, lowering.tensor(node.input[0]), { rows, filters, read }, new Float32Array(filters))
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

const batchNormalization: Lower = (lowering, node) => {
  const [x, ...names] = node.input
  const tensor = lowering.tensor(x)
  const [scale, bias, mean, variance] = names.map((name) => lowering.weights(name).read())
  const { channels, height, width } = tensor.value.shape
  const isRow = tensor.view === 'flat' && height * width === 1
  const isSound = [scale, bias, mean, variance].every((numbers) => numbers?.length === channels)
  if (!isSound || (tensor.view !== 'first' && !isRow) || integerOf(node, 'training_mode', 0) === 1) {
    throw new NotForEngine(`node ${show(node.name)} uses batch normalization in an unsupported way`)
  }
  const epsilon = attributeOf(node, 'epsilon')?.f ?? 1e-5
  const factors = scale.map((factor, i) => factor / Math.sqrt(variance[i] + epsilon))
  const summands = bias.map((summand, i) => {
    return summand - (mean[i] * scale[i]) / Math.sqrt(variance[i] + epsilon)
  })
  scaleChannels(lowering, node, tensor, factors, summands)
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
  Gemm: gemm,
  MatMul: matMul,
  BatchNormalization: batchNormalization,
  MaxPool: pooling(true),
  AveragePool: pooling(false),
  GlobalMaxPool: globalPooling(true),
  GlobalAveragePool: globalPooling(false),
  ReduceMean: reduction(false),
  ReduceMax: reduction(true),
}
