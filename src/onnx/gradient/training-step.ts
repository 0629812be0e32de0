import type { ModelProto } from '../proto/onnx.ts'
import { differentiate } from './differentiate.ts'
import { GraphBuilder, type Tensor } from './graph-builder.ts'
import type { Tail } from './tail.ts'

/** How the result is pooled to one row of features for each image, as `ResolvedPooling` of the extractor. */
export type FeaturePooling = 'average' | 'max' | 'cls' | 'none' | { grid: number }

/** How the result's numbers are arranged, as `Arrangement` of the extractor. */
export interface ResultArrangement {
  channelAxis?: number | undefined
  prefixTokens?: number | undefined
  patches?: { height: number; width: number } | undefined
}

/** The tail and its head. */
export interface StepOptions {
  pooling: FeaturePooling
  arrangement?: ResultArrangement | undefined
  classes: number
  /** Number by which features are multiplied before the head. */
  featureScale: number
}

/** A tail with a linear head over its pooled features. */
export interface TailClassifier {
  graph: GraphBuilder
  /** Names of the graph's inputs for the head's weights, [classes, features] and [classes]. */
  headWeight: string
  headBias: string
  /** Name of the tensor [batch, classes]. */
  logits: string
  /** Number of features of an image. */
  features: number
  /** The forward pass as a model: its inputs are the tail's kept tensors, all weights, and those of the head. */
  model(): ModelProto
}

/** Puts a linear head over the pooled features of a tail. */
export function tailClassifier(tail: Tail, o: StepOptions): TailClassifier {
  const { pooling, arrangement, classes, featureScale } = o
  const { kept, weights } = tail
  const sizes = Object.fromEntries(kept.map(({ name, dims }) => [name, dims]))
  const graph = new GraphBuilder(tail.model, sizes)
  const pooled = pool(graph, tail.model.graph!.output[0].name, pooling, arrangement)
  const [, features] = graph.dims(pooled)
  const headWeight = graph.input('head_weight', [classes, features])
  const headBias = graph.input('head_bias', [classes])
  const scaled = graph.mul(pooled, featureScale)
  const logits = graph.emit('Gemm', [scaled, headWeight, headBias], { transB: 1n })
  const names = weights.map(({ name }) => name)
  return { graph, headWeight, headBias, logits, features, model: () => graph.build([logits], names) }
}

/**
 * The gradients of a softmax cross-entropy on a batch as one model: forward pass, loss and backward pass.
 *
 * Its inputs are the tail's kept tensors, all weights, and those of `inputs`. The weights of a class's output are one
 * row of the head [classes, features].
 */
export interface TrainingStep {
  model: ModelProto
  inputs: {
    headWeight: string
    headBias: string
    /** [batch, classes]: how much of an image's loss each class counts. A row of zeros leaves the image out. */
    targets: string
  }
  /** Name of the output [batch, classes]. */
  logits: string
  /** Name of the gradient of each weight, and of the head's: those of the sum of the losses. */
  gradients: Map<string, string>
  /** Number of features of an image. */
  features: number
}

/**
 * Makes the step of a training: a linear head over the pooled features, a softmax and its cross-entropy.
 *
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` naming the node that a gradient cannot pass
 */
export function trainingStep(tail: Tail, o: StepOptions): TrainingStep {
  const { graph: g, headWeight, headBias, logits, features } = tailClassifier(tail, o)
  const names = tail.weights.map(({ name }) => name)
  const targets = g.input('targets', g.dims(logits))
  const logProbabilities = g.emit('LogSoftmax', [logits], { axis: 1n })
  const losses = g.emit('Neg', [g.sum(g.mul(targets, logProbabilities), [1])])
  const found = differentiate(g, losses, [...names, headWeight, headBias])
  const gradients = new Map<string, Tensor>()
  for (const [name, gradient] of found) {
    const isTaken = [...gradients.values()].includes(gradient)
    gradients.set(name, isTaken ? g.emit('Identity', [gradient]) : gradient)
  }
  const model = g.build([logits, ...gradients.values()], names)
  return { model, inputs: { headWeight, headBias, targets }, logits, gradients, features }
}

/** Rows of features [batch, features] from the result. */
function pool(
  g: GraphBuilder,
  result: Tensor,
  pooling: FeaturePooling,
  arrangement: ResultArrangement = {},
): Tensor {
  const flat = (x: Tensor) => {
    const [batch, ...dims] = g.dims(x)
    return g.reshape(x, [batch, dims.reduce((all, n) => all * n, 1)])
  }
  const map = pooling === 'none' ? undefined : asMap(g, result, pooling === 'cls', arrangement)
  if (map === undefined) return flat(result)
  if (pooling === 'max') return flat(g.emit('GlobalMaxPool', [map]))
  if (typeof pooling !== 'object') return flat(g.emit('GlobalAveragePool', [map]))
  const { grid } = pooling
  const [, , height, width] = g.dims(map)
  const bounds = (i: number, length: number) => [
    Math.floor((i * length) / grid),
    Math.ceil(((i + 1) * length) / grid),
  ]
  const cells = Array.from({ length: grid * grid }, (_, cell) => {
    const [top, bottom] = bounds(Math.floor(cell / grid), height)
    const [left, right] = bounds(cell % grid, width)
    return g.emit('GlobalAveragePool', [g.slice(map, [2, 3], [top, left], [bottom, right])])
  })
  return flat(g.concat(cells, 3))
}

/** The result as maps [batch, channels, height, width]; `undefined` if it has neither height nor width. */
function asMap(g: GraphBuilder, x: Tensor, isClassToken: boolean, arrangement: ResultArrangement) {
  const { channelAxis, prefixTokens = 0, patches } = arrangement
  const rank = g.rank(x)
  if (rank === 4) return channelAxis === 3 ? g.transpose(x, [0, 3, 1, 2]) : x
  if (rank !== 3) return undefined
  const tokens = channelAxis === 1 ? x : g.transpose(x, [0, 2, 1])
  const [batch, channels, length] = g.dims(tokens)
  const [from, to] = isClassToken ? [0, 1] : [prefixTokens, length]
  const used = g.slice(tokens, [2], [from], [to])
  const count = to - from
  const isRectangular = !isClassToken && patches !== undefined && patches.height * patches.width === count
  const { height, width } = isRectangular ? patches : { height: count, width: 1 }
  return g.reshape(used, [batch, channels, height, width])
}
