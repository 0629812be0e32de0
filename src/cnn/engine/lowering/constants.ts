import { SoftmarginError, show } from '../../../core/errors.ts'
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
  const read = (): Float32Array => {
    if (raw.length === 0) {
      const numbers = Float32Array.from(listed)
      return dataType === DataType.FLOAT16 ? numbers.map(fromHalf) : numbers
    }
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
    if (dataType === DataType.FLOAT16) return fromHalves(view, length)
    if (dataType === DataType.DOUBLE) {
      return Float32Array.from({ length }, (_, i) => view.getFloat64(8 * i, true))
    }
    if (raw.byteOffset % 4 === 0) return new Float32Array(raw.buffer, raw.byteOffset, length)
    // Copy to align. `slice` would not copy: for a Node.js Buffer it returns a view.
    return new Float32Array(new Uint8Array(raw).buffer)
  }
  return raw.length > 0 && dataType === DataType.FLOAT16 ? { dims, read, halves: raw } : { dims, read }
}

/** Converts little-endian float16 numbers. A plain loop on bits: unpacking the weights is a part of every start. */
function fromHalves(view: DataView, length: number): Float32Array {
  const numbers = new Float32Array(length)
  const patterns = new Uint32Array(numbers.buffer)
  for (let i = 0; i < length; i++) {
    const half = view.getUint16(2 * i, true)
    const exponent = half & 0x7c00
    // Normal numbers: the same sign and fraction, the exponent with another bias.
    if (exponent !== 0 && exponent !== 0x7c00) {
      patterns[i] = ((half & 0x8000) << 16) | (((half & 0x7fff) << 13) + 0x38000000)
    } else numbers[i] = fromHalf(half)
  }
  return numbers
}

/** Converts a float16 bit pattern to a number. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
