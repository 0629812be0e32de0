// The intermediate representation that a graph is lowered to: operations on maps. Maps are stored
// channels-last; a vector is a map of 1 x 1 pixels.

import type { Kernels } from '../wasm/cnn-exports.ts'

/** Dimensions of the map of one image. */
export interface MapShape {
  channels: number
  height: number
  width: number
}

/** The result of one operation, read by others: one map per image of a batch, or a constant map. */
export interface MapValue {
  readonly shape: MapShape
  /** Values of a constant, [height][width][channels], which is the same for every image. */
  readonly constant?: Float32Array
}

/** Codes as in assembly/cnn/activation.ts, which documents the parameters `a` and `b`. */
export const ActivationKind = {
  none: 0,
  leakyRelu: 1,
  affine: 2,
  hardSigmoid: 3,
  hardSwish: 4,
  sigmoid: 5,
  swish: 6,
  gelu: 7,
  geluTanh: 8,
  tanh: 9,
  elu: 10,
  sqrt: 11,
  erf: 12,
  exp: 13,
  abs: 14,
  reciprocal: 15,
} as const

/**
 * Applied to each value that an operation computes: first the clamp to [low, high], then the activation
 * function.
 */
export interface Activation {
  low: number
  high: number
  kind: number
  a: number
  b: number
}

/** The identity activation. */
export const linear: Activation = { low: -Infinity, high: Infinity, kind: 0, a: 0, b: 0 }

/** Codes as in assembly/cnn/binary.ts. */
export const BinaryKind = { add: 0, multiply: 1, subtract: 2, divide: 3, maximum: 4, minimum: 5 } as const

/** Window geometry of a convolution or pooling; pairs are [vertical, horizontal]. */
export interface Windows {
  kernel: [number, number]
  strides: [number, number]
  dilations: [number, number]
  /** Padding above and left of the map, and below and right of it. */
  before: [number, number]
  after: [number, number]
}

interface Made {
  /** Name of the ONNX node, or of its output, for messages and profiles. */
  name: string
  output: MapValue
  activation: Activation
}

/** How the numbers of a convolution follow from parameters, the tensors that are trained. */
export interface Trainable {
  /** Brings the convolution's weights and bias up to date with the parameters. */
  refresh(): void
  /** Adds to the gradients of the parameters. @param weights, bias gradients of the convolution's weights and bias */
  pull(weights: Float32Array, bias: Float32Array): void
}

/** A convolution. Matrix products and per-channel scaling are represented as convolutions, too. */
export interface Convolution extends Made, Windows {
  type: 'convolution'
  input: MapValue
  groups: number
  /** [filters, channels / groups, height, width]; read only when packed. */
  weights: () => Float32Array
  /**
   * The weights, times `scale`, as kernels write them into memory of `bytes` bytes, if they are made of others there. Packing
   * reads them instead of `weights` and `scale`, except where each channel has a filter of its own.
   */
  staged?: { bytes: number; write(memory: ArrayBuffer, address: number, kernels: Kernels): void } | undefined
  /** The weights as little-endian float16, if the file has them so: the kernels unpack them. */
  halves?: Uint8Array | undefined
  /** Per-filter factors of a following normalization. */
  scale: Float32Array | undefined
  /** Per-filter bias. */
  bias: Float32Array
  /** Map added before the activation. */
  residual: MapValue | undefined
  /** Factors of the input's channels, as a map of one pixel. */
  gate?: MapValue | undefined
  /** Set if its numbers are trained. */
  trainable?: Trainable | undefined
  /** Whether its numbers change between runs, so that they are packed again by `Plan.rewrite`. Default false. */
  isMutable?: boolean | undefined
}

/** Max or average pooling. */
export interface Pooling extends Made, Windows {
  type: 'pooling'
  input: MapValue
  isMax: boolean
  /** Whether the divisor of an average includes the padding. */
  countsPadding: boolean
}

/** An elementwise operation on two maps. Dimensions of 1 are broadcast. */
export interface Binary extends Made {
  type: 'binary'
  kind: number
  left: MapValue
  right: MapValue
}

/** An activation that could not be fused into the operation that computes its input. */
export interface Unary extends Made {
  type: 'unary'
  input: MapValue
}

/** Concatenation of maps along the channels. */
export interface Concatenation extends Made {
  type: 'concatenation'
  inputs: MapValue[]
}

/** A crop, possibly mirrored, or a constant padding of a map. */
export interface Copy extends Made {
  type: 'copy'
  input: MapValue
  /** Input coordinates of the output's first pixel and channel; below 0 where padding is added. */
  from: { y: number; x: number; channel: number }
  /** Strides between pixels; -1 mirrors the image. */
  step: { y: number; x: number }
  /** Value of the padding. */
  fill: number
}

/** Normalization over the channels of each pixel, with a scale and bias per channel. */
export interface LayerNormalization extends Made {
  type: 'layer-normalization'
  input: MapValue
  epsilon: number
  scale: Float32Array
  bias: Float32Array
}

/** Softmax over the channels of each pixel. */
export interface Softmax extends Made {
  type: 'softmax'
  input: MapValue
}

/** Where the rows of a resized map lie in its input: each between two of its rows. The same for columns. */
export interface Blend {
  length: number
  /** The two rows for a row of the output, and the weight of the second, from 0 to 1. */
  at(i: number): { first: number; second: number; share: number }
}

/** A map with other numbers of rows and columns, which are interpolated. */
export interface Resize extends Made {
  type: 'resize'
  input: MapValue
  rows: Blend
  columns: Blend
}

/** An operation of the intermediate representation. */
export type Operation =
  | Convolution
  | Pooling
  | Binary
  | Unary
  | Concatenation
  | Copy
  | LayerNormalization
  | Softmax
  | Resize

/** A network as a list of operations in topological order. */
export interface Program<Kind = Operation> {
  operations: Kind[]
  input: MapValue
  /** Outputs by their names in the model, with their ONNX dimensions without the batch. */
  outputs: { name: string; value: MapValue; dims: number[] }[]
}

/** Whether an operation is a product of two maps. */
export function isMultiply(operation: Operation | undefined): operation is Binary {
  return operation?.type === 'binary' && operation.kind === BinaryKind.multiply
}

/** The maps that an operation reads. */
export function readsOf(operation: Operation): MapValue[] {
  switch (operation.type) {
    case 'binary':
      return [operation.left, operation.right]
    case 'concatenation':
      return operation.inputs
    case 'convolution':
      return [operation.input, operation.residual, operation.gate].filter((value) => !!value)
    default:
      return [operation.input]
  }
}

/** Number of values in the map of one image. */
export function lengthOf({ channels, height, width }: MapShape): number {
  return channels * height * width
}

/** Multiply-adds of a convolution for one image, by its definition. */
export function multiplyAddsOf({ input, output, groups, kernel }: Convolution): number {
  return (lengthOf(output.shape) * input.shape.channels * kernel[0] * kernel[1]) / groups
}
