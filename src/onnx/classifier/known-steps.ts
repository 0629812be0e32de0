import { TensorProto_DataType as DataType, type GraphProto } from '../proto/onnx.ts'
import { type BackgroundNumbers, backgroundSteps, readBackgroundSteps } from './background-steps.ts'
import type { Steps } from './graph-steps.ts'
import { KnownTensors } from './known-tensors.ts'
import { ioNames } from './names.ts'

export type { BackgroundNumbers } from './background-steps.ts'

/**
 * How similar a feature vector x is to the classes: with y = (x - mean) whiten, the maximum over the classes c of
 * quadratic[c] |y|^2 + y linear[c] + offset[c], plus the terms of a background. It is positive if x is like one of them.
 */
export interface KnownNumbers {
  /** F values, one per feature. */
  mean: Float64Array
  /** F x F. */
  whiten: Float32Array
  /** F x classes. */
  linear: Float32Array
  /** One per class. */
  quadratic: Float32Array
  /** One per class; includes the threshold. */
  offset: Float32Array
  /** Set if the score was fitted with images of other things, too. */
  background?: BackgroundNumbers | undefined
}

/** The names of the tensors in a file. */
const names: Record<Exclude<keyof KnownNumbers, 'background'>, string> = {
  mean: 'known-mean',
  whiten: 'known-whiten',
  linear: 'known-linear',
  quadratic: 'known-quadratic',
  offset: 'known-offset',
}

/** Adds the output `known`, [N], to a graph that computes `features`. */
export function knownSteps(steps: Steps, known: KnownNumbers): void {
  const [features, classes] = [known.mean.length, known.offset.length]
  const exact = steps.step('known-double', 'Cast', [ioNames.features], { to: BigInt(DataType.DOUBLE) })
  const centred = steps.step('known-centred', 'Sub', [exact, steps.constant(names.mean, known.mean)])
  const single = steps.step('known-single', 'Cast', [centred], { to: BigInt(DataType.FLOAT) })
  const whiten = steps.constant(names.whiten, known.whiten, [features, features])
  const white = steps.step('known-white', 'MatMul', [single, whiten])
  const linear = steps.constant(names.linear, known.linear, [features, classes])
  const squares = steps.step('known-squares', 'Mul', [white, white])
  const ones = steps.constant('known-ones', new Float32Array(features).fill(1), [features, 1])
  const norm = steps.step('known-norm', 'MatMul', [squares, ones])
  const curved = steps.step('known-curved', 'Mul', [
    norm,
    steps.constant(names.quadratic, known.quadratic, [1, classes]),
  ])
  const straight = steps.step('known-straight', 'MatMul', [white, linear])
  const plain = steps.step('known-scores', 'Add', [
    steps.step('known-sum', 'Add', [curved, straight]),
    steps.constant(names.offset, known.offset),
  ])
  const { background } = known
  const scores = background ? backgroundSteps(steps, background, { exact, white, norm, ones, plain }) : plain
  // The maximum of each row, by an operator that is the same in all opsets.
  const planes = steps.constant('known-planes', BigInt64Array.of(-1n, 1n, BigInt(classes)))
  const most = steps.step('known-most', 'GlobalMaxPool', [
    steps.step('known-rows', 'Reshape', [scores, planes]),
  ])
  steps.finish(ioNames.known, 'Reshape', [most, steps.constant('known-shape', BigInt64Array.of(-1n))])
}

/**
 * Reads the numbers that `knownSteps` wrote. They are untrusted.
 *
 * @throws {SoftmarginError} `MODEL_UNREADABLE`
 */
export function readKnownSteps(graph: GraphProto, features: number, classes: number): KnownNumbers {
  const tensors = new KnownTensors(graph)
  return {
    mean: tensors.doubles(names.mean, features),
    whiten: tensors.floats(names.whiten, features * features),
    linear: tensors.floats(names.linear, features * classes),
    quadratic: tensors.floats(names.quadratic, classes),
    offset: tensors.floats(names.offset, classes),
    background: readBackgroundSteps(tensors, features, classes),
  }
}
