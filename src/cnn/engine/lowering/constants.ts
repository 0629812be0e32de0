import { SoftmarginError, show } from '../../../core/errors.ts'
import { floatsOf } from '../../../onnx/graph/float-data.ts'
import { TensorProto_DataType as DataType, type TensorProto } from '../../../onnx/proto/onnx.ts'
import { NotForEngine } from './not-for-engine.ts'

/** A constant of a graph, decoded only when its values are needed. */
export interface Constant {
  dims: number[]
  read(): Float32Array
  /** Its numbers as little-endian float16, if that is what the file has. */
  halves?: Uint8Array
}

/**
 * Wraps a float tensor as a constant.
 *
 * @throws {NotForEngine} for other types
 * @throws {SoftmarginError} `MODEL_UNREADABLE` if its data does not match its dimensions
 */
export function constantOf(tensor: TensorProto): Constant {
  const dims = tensor.dims.map(Number)
  const length = dims.reduce((all, n) => all * n, 1)
  const { rawData: raw, dataType } = tensor
  const bytes = { [DataType.FLOAT]: 4, [DataType.FLOAT16]: 2, [DataType.DOUBLE]: 8 }[dataType as 1]
  if (bytes === undefined) {
    throw new NotForEngine(`the constant ${show(tensor.name)} is ${DataType[dataType]?.toLowerCase()}`)
  }
  const listed = {
    [DataType.FLOAT]: tensor.floatData,
    [DataType.FLOAT16]: tensor.int32Data,
    [DataType.DOUBLE]: tensor.doubleData,
  }[dataType as 1]
  const has = raw.length > 0 ? raw.length / bytes : listed.length
  if (has !== length || dims.some((n) => n < 0)) {
    const message = `the weights ${show(tensor.name)} of shape [${dims.join(', ')}] must have ${length} numbers, but have ${has}`
    throw new SoftmarginError('MODEL_UNREADABLE', message, {
      argument: 'model',
      received: has,
      expected: `${length} numbers`,
    })
  }
  const read = () => floatsOf(tensor)!
  return raw.length > 0 && dataType === DataType.FLOAT16 ? { dims, read, halves: raw } : { dims, read }
}
