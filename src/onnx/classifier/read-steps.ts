// Reads the numbers that known-steps.ts and probability-steps.ts write into the graph of a classifier.

import { SoftmarginError } from '../../core/errors.ts'
import { TensorProto_DataType as DataType, type GraphProto } from '../proto/onnx.ts'
import { type BackgroundNumbers, readBackground } from './background-numbers.ts'
import { KnownTensors } from './known-tensors.ts'
import { ownPrefix } from './names.ts'
import type { SvmNumbers } from './svm-node.ts'

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

/**
 * Reads the sigmoid that `probabilitySteps` added after a two-class SVM, if there is one.
 *
 * @throws {SoftmarginError} `MODEL_UNREADABLE` for a damaged one
 */
export function readSigmoidSteps(graph: GraphProto, classes: number): SvmNumbers['sigmoids'] {
  const list = (name: string) => {
    const tensor = graph.initializer.find((each) => each.name === ownPrefix + name)
    if (tensor === undefined) return undefined
    const values =
      tensor.rawData.byteLength === 8 ? new Float32Array(tensor.rawData.slice().buffer) : undefined
    if (tensor.dataType === DataType.FLOAT && values?.every(Number.isFinite)) return values
    throw new SoftmarginError(
      'MODEL_UNREADABLE',
      `the saved classifier cannot be read: its ${name} are damaged`,
    )
  }
  const slopes = classes === 2 ? list('sigmoid-slopes') : undefined
  const offsets = classes === 2 ? list('sigmoid-offsets') : undefined
  return slopes && offsets && { a: Float64Array.of(slopes[1]), b: Float64Array.of(offsets[1]) }
}
