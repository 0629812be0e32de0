// Reads the numbers that known-steps.ts and probability-steps.ts write into the graph of a classifier.

import { SoftmarginError, show } from '../../core/errors.ts'
import { TensorProto_DataType as DataType, type GraphProto } from '../proto/onnx.ts'
import { ownPrefix } from './names.ts'
import type { SvmNumbers } from './svm-node.ts'

/**
 * How similar a feature vector x is to the classes: with y = (x - mean) whiten, the maximum over the classes c of
 * quadratic[c] |y|^2 + y linear[c] + offset[c]. It is positive if x is like one of them.
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
}

/** The names of the tensors in a file. */
export const knownNames: Record<keyof KnownNumbers, string> = {
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
  const bytes = (key: keyof KnownNumbers, dataType: DataType, length: number) => {
    const tensor = graph.initializer.find(({ name }) => name === ownPrefix + knownNames[key])
    if (tensor?.dataType === dataType && tensor.rawData.byteLength === length) {
      return tensor.rawData.slice().buffer
    }
    throw unreadable(`its ${knownNames[key]} has not the ${length} bytes that it should have`)
  }
  const floats = (key: keyof KnownNumbers, length: number) =>
    new Float32Array(bytes(key, DataType.FLOAT, 4 * length))
  const known = {
    mean: new Float64Array(bytes('mean', DataType.DOUBLE, 8 * features)),
    whiten: floats('whiten', features * features),
    linear: floats('linear', features * classes),
    quadratic: floats('quadratic', classes),
    offset: floats('offset', classes),
  }
  for (const [name, values] of Object.entries(known)) {
    const at = values.findIndex((value) => !Number.isFinite(value))
    if (at >= 0) throw unreadable(`its ${name}[${at}] is ${show(values[at])}`)
  }
  return known
}

function unreadable(why: string): SoftmarginError {
  return new SoftmarginError('MODEL_UNREADABLE', `the saved classifier's known score cannot be read: ${why}`)
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
