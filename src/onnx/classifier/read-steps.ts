// Reads the numbers that known-steps.ts and probability-steps.ts write into the graph of a classifier.

import type { GraphProto } from '../proto/onnx.ts'
import { type BackgroundNumbers, readBackground } from './background-numbers.ts'
import { KnownTensors } from './known-tensors.ts'

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
export const knownNames: Record<Exclude<keyof KnownNumbers, 'background'>, string> = {
  mean: 'known-mean',
  whiten: 'known-whiten',
  linear: 'known-linear',
  quadratic: 'known-quadratic',
  offset: 'known-offset',
}

/**
 * Reads the numbers that `knownSteps` wrote. They are untrusted.
 *
 * @throws {SoftmarginError} `MODEL_UNREADABLE`
 */
export function readKnownSteps(graph: GraphProto, features: number, classes: number): KnownNumbers {
  const tensors = new KnownTensors(graph)
  return {
    mean: tensors.doubles(knownNames.mean, features),
    whiten: tensors.floats(knownNames.whiten, features * features),
    linear: tensors.floats(knownNames.linear, features * classes),
    quadratic: tensors.floats(knownNames.quadratic, classes),
    offset: tensors.floats(knownNames.offset, classes),
    background: readBackground(tensors, features, classes),
  }
}
