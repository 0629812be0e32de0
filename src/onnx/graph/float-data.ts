import { fromHalf } from '../../core/precision/float16.ts'
import { TensorProto_DataType as DataType, type TensorProto } from '../proto/onnx.ts'

/**
 * The numbers of a float, float16 or double tensor as float32. Where the file's bytes can serve as they are, they are
 * not copied: do not write to the result.
 *
 * @returns `undefined` for other types
 */
export function floatsOf(tensor: TensorProto): Float32Array | undefined {
  const { rawData: raw, dataType } = tensor
  if (raw.length === 0) {
    if (dataType === DataType.FLOAT16) return Float32Array.from(tensor.int32Data, fromHalf)
    if (dataType === DataType.DOUBLE) return Float32Array.from(tensor.doubleData)
    return dataType === DataType.FLOAT ? Float32Array.from(tensor.floatData) : undefined
  }
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
  if (dataType === DataType.FLOAT16) return fromHalves(view, raw.length >> 1)
  if (dataType === DataType.DOUBLE) {
    return Float32Array.from({ length: raw.length >> 3 }, (_, i) => view.getFloat64(8 * i, true))
  }
  if (dataType !== DataType.FLOAT) return undefined
  if (raw.byteOffset % 4 === 0) return new Float32Array(raw.buffer, raw.byteOffset, raw.length >> 2)
  // Copy to align. `slice` would not copy: for a Node.js Buffer it returns a view.
  return new Float32Array(new Uint8Array(raw).buffer)
}

/** Converts little-endian float16 numbers. A plain loop over bits, because every start unpacks the weights. */
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
