import { fromHalves, type Precision, toHalves } from './float16.ts'

/** How numbers of a precision are kept. */
interface Format<Numbers extends Float32Array | Uint16Array> {
  room(length: number): Numbers
  put(numbers: Float32Array, to: Numbers): void
  take(kept: Numbers, to: Float32Array): void
  /** All of some kept numbers: these themselves if they are float32, else converted. */
  read(kept: Numbers): Float32Array
}

const float32: Format<Float32Array> = {
  room: (length) => new Float32Array(length),
  put: (numbers, to) => to.set(numbers),
  take: (kept, to) => to.set(kept),
  read: (kept) => kept,
}

const float16: Format<Uint16Array> = {
  room: (length) => new Uint16Array(length),
  put: toHalves,
  take: fromHalves,
  read: (kept) => {
    const numbers = new Float32Array(kept.length)
    fromHalves(kept, numbers)
    return numbers
  },
}

/** Rows of numbers of the same length. */
export interface KeptRows {
  /** Keeps rows from the row `first` on. */
  put(rows: Float32Array, first: number): void
  /** Writes a row to the start of `to`. */
  take(row: number, to: Float32Array): void
  /** The numbers of the first rows: those that are kept themselves if they are float32, else converted. */
  numbers(rows: number): Float32Array
  /** Returns a copy with room for more rows. @throws {RangeError} if they do not fit in memory */
  enlarged(rows: number): KeptRows
}

/**
 * @param length of a row
 * @throws {RangeError} if they do not fit in memory
 */
export function keptRows(rows: number, length: number, precision: Precision): KeptRows {
  return precision === 'float32' ? rowsIn(float32, rows, length) : rowsIn(float16, rows, length)
}

/** @param before numbers that the rows begin with */
function rowsIn<Numbers extends Float32Array | Uint16Array>(
  format: Format<Numbers>,
  rows: number,
  length: number,
  before?: Numbers,
): KeptRows {
  const all = format.room(rows * length)
  if (before) all.set(before)
  const part = (from: number, to: number) => all.subarray(from, to) as Numbers
  return {
    put: (some, first) => format.put(some, part(first * length, first * length + some.length)),
    take: (row, to) => format.take(part(row * length, (row + 1) * length), to),
    numbers: (count) => format.read(part(0, count * length)),
    enlarged: (count) => rowsIn(format, count, length, all),
  }
}
