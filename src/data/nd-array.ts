import { invalidArgument, SoftmarginError, shapeMismatch } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'
import { Matrix } from '../core/matrix.ts'

/** The types of storage of an `NdArray`. */
export type NdData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | boolean[]
  | string[]

/** Values that `NdArray.from` converts: a matrix, labels, or numbers. */
export type NdArrayLike =
  | NdArray
  | Matrix
  | NdData
  | readonly number[]
  | readonly string[]
  | readonly boolean[]

/** An array of any number of dimensions, like NumPy's `ndarray`, with its elements in row-major order. */
export class NdArray {
  readonly data: NdData
  /** The length of each dimension; empty for a scalar. */
  readonly shape: readonly number[]

  /** @throws {SoftmarginError} `SHAPE_MISMATCH` if `data` does not have as many elements as `shape` requires */
  constructor(data: NdData, shape: readonly number[] = [data.length]) {
    for (const [i, length] of shape.entries()) {
      if (!Number.isSafeInteger(length) || length < 0) {
        throw invalidArgument(`shape[${i}]`, length, 'an integer of 0 or more')
      }
    }
    const size = shape.reduce((product, length) => product * length, 1)
    if (data.length !== size)
      throw shapeMismatch('data', data.length, `${size} elements, as its shape requires`)
    this.data = data
    this.shape = shape
  }

  /**
   * Converts a value to an array. A `Matrix` becomes a two-dimensional float32 array; arrays of strings or numbers
   * become one-dimensional. Integers become int64, as in NumPy, and other numbers float64.
   *
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for anything else
   */
  static from(value: NdArrayLike, name = 'value'): NdArray {
    if (value instanceof NdArray) return value
    if (value instanceof Matrix) return new NdArray(value.data, [value.rows, value.cols])
    if (ArrayBuffer.isView(value) && 'length' in value) return new NdArray(value)
    if (!Array.isArray(value)) throw invalidArgument(name, value, 'a Matrix, a typed array or an array')
    const list: readonly unknown[] = value
    if (list.every((each) => typeof each === 'string')) return new NdArray([...list])
    if (list.every((each) => typeof each === 'boolean')) return new NdArray([...list])
    const odd = list.findIndex((each) => typeof each !== 'number')
    if (odd >= 0) throw invalidArgument(`${name}[${odd}]`, list[odd], `of the same type as ${name}[0]`)
    const numbers = list as readonly number[]
    return new NdArray(
      numbers.every(Number.isSafeInteger) ? BigInt64Array.from(numbers, BigInt) : Float64Array.from(numbers),
    )
  }

  /**
   * Converts to a float32 matrix; an array of one dimension becomes one column.
   *
   * @throws {SoftmarginError} `SHAPE_MISMATCH` unless there are 1 or 2 dimensions, `INVALID_ARGUMENT` for strings
   */
  toMatrix(): Matrix {
    const { data, shape } = this
    if (shape.length !== 1 && shape.length !== 2)
      throw shapeMismatch('array', shape.length, '1 or 2 dimensions')
    if (typeof data[0] === 'string') throw invalidArgument('array', 'text', 'an array of numbers')
    const floats = data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number>, Number)
    return new Matrix(floats, shape[0], shape[1] ?? 1)
  }

  /**
   * Returns the elements as labels: strings or numbers.
   *
   * @throws {SoftmarginError} `SHAPE_MISMATCH` unless there is one dimension (or one column), `INVALID_ARGUMENT` for
   *   integers that a `number` cannot represent exactly
   */
  toLabels(): Label[] {
    const { data, shape } = this
    if (shape.length !== 1 && !(shape.length === 2 && shape[1] === 1)) {
      throw shapeMismatch('array', `shape [${shape.join(', ')}]`, 'one dimension')
    }
    return Array.from(data as ArrayLike<unknown>, (value, i) => {
      if (typeof value === 'string') return value
      const number = Number(value)
      if (typeof value === 'bigint' && !Number.isSafeInteger(number)) {
        throw new SoftmarginError(
          'INVALID_ARGUMENT',
          `array[${i}] must be an integer of at most 2^53, which a number represents exactly, but is ${value}`,
          { argument: `array[${i}]`, received: value },
        )
      }
      return number
    })
  }
}
