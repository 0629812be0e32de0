import { SoftmarginError } from '../../core/errors.ts'
import { TensorProto_DataType as DataType, type GraphProto } from '../proto/onnx.ts'
import { ownPrefix } from './names.ts'
import type { SvmNumbers } from './svm-node.ts'

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
