// What a graph is lowered to: operations on maps. Channels come last in memory; a row of numbers is a map of 1 x 1.

/** Sizes of one picture's map. */
export interface MapShape {
  channels: number
  height: number
  width: number
}

/** What one operation answers and others read: a map for each picture of a batch, or a constant one. */
export interface MapValue {
  readonly shape: MapShape
  /** The numbers of a constant, [height][width][channels], which is the same for every picture. */
  readonly constant?: Float32Array
}

/** As in assembly/cnn/activation.ts, which tells what `a` and `b` mean. */
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

/** What is done to each number that an operation makes: it is clamped, then activated. */
export interface Activation {
  low: number
  high: number
  kind: number
  a: number
  b: number
}

/** Numbers stay as they are. */
export const linear: Activation = { low: -Infinity, high: Infinity, kind: 0, a: 0, b: 0 }

/** As in assembly/cnn/binary.ts. */
export const BinaryKind = { add: 0, multiply: 1, subtract: 2, divide: 3, maximum: 4, minimum: 5 } as const

/** Where the windows of a convolution or pooling lie; [vertical, horizontal]. */
export interface Windows {
  kernel: [number, number]
  strides: [number, number]
  dilations: [number, number]
  /** Numbers that are missing above and left of the map, and below and right of it. */
  before: [number, number]
  after: [number, number]
}

interface Made {
  /** The ONNX node's name, or its output's, for messages and profiles. */
  name: string
  output: MapValue
  activation: Activation
}

/** A convolution; products with a matrix and factors a channel are ones of a single tap. */
export interface Convolution extends Made, Windows {
  type: 'convolution'
  input: MapValue
  groups: number
  /** [filters, channels / groups, height, width]; read when they are packed. */
  weights: () => Float32Array
  /** A factor a filter, of a normalisation that follows. */
  scale: Float32Array | undefined
  /** A number a filter. */
  bias: Float32Array
  /** What is added before the activation. */
  residual: MapValue | undefined
}

/** The greatest number or the mean of windows. */
export interface Pooling extends Made, Windows {
  type: 'pooling'
  input: MapValue
  isMax: boolean
  /** Whether a mean counts the numbers of the padding. */
  countsPadding: boolean
}

/** Two maps into one. Sizes of 1 are broadcast. */
export interface Binary extends Made {
  type: 'binary'
  kind: number
  left: MapValue
  right: MapValue
}

/** An activation that could not be joined to what makes its input. */
export interface Unary extends Made {
  type: 'unary'
  input: MapValue
}

/** Channels of several maps after each other. */
export interface Concatenation extends Made {
  type: 'concatenation'
  inputs: MapValue[]
}

/** A part of a map, also turned around, or one with numbers added around it. */
export interface Copy extends Made {
  type: 'copy'
  input: MapValue
  /** The pixel and channel of the input that the first of the output is: below 0 where numbers are added. */
  from: { y: number; x: number; channel: number }
  /** From one pixel to the next, -1 for a picture in the mirror. */
  step: { y: number; x: number }
  /** What is added. */
  fill: number
}

export interface LayerNormalization extends Made {
  type: 'layer-normalization'
  input: MapValue
  epsilon: number
  scale: Float32Array
  bias: Float32Array
}

export interface Softmax extends Made {
  type: 'softmax'
  input: MapValue
}

export type Operation =
  | Convolution
  | Pooling
  | Binary
  | Unary
  | Concatenation
  | Copy
  | LayerNormalization
  | Softmax

/** A network as a list of operations, each after those whose answers it reads. */
export interface Program {
  operations: Operation[]
  input: MapValue
  /** By the names that the model has for them, with the dimensions that ONNX gives them, the batch left out. */
  outputs: { name: string; value: MapValue; dims: number[] }[]
}

/** The maps that an operation reads. */
export function readsOf(operation: Operation): MapValue[] {
  switch (operation.type) {
    case 'binary':
      return [operation.left, operation.right]
    case 'concatenation':
      return operation.inputs
    case 'convolution':
      return operation.residual ? [operation.input, operation.residual] : [operation.input]
    default:
      return [operation.input]
  }
}

/** Numbers of one picture's map. */
export function lengthOf({ channels, height, width }: MapShape): number {
  return channels * height * width
}
