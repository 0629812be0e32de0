import { fromHalves, type Precision, toHalves } from './float16.ts'

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
  return precision === 'float32'
    ? new SingleRows(new Float32Array(rows * length), length)
    : new HalfRows(new Uint16Array(rows * length), length)
}

class SingleRows implements KeptRows {
  readonly #all: Float32Array
  readonly #length: number

  constructor(all: Float32Array, length: number) {
    this.#all = all
    this.#length = length
  }

  put(rows: Float32Array, first: number): void {
    this.#all.set(rows, first * this.#length)
  }

  take(row: number, to: Float32Array): void {
    to.set(this.#all.subarray(row * this.#length, (row + 1) * this.#length))
  }

  numbers(rows: number): Float32Array {
    return this.#all.subarray(0, rows * this.#length)
  }

  enlarged(rows: number): KeptRows {
    const larger = new Float32Array(rows * this.#length)
    larger.set(this.#all)
    return new SingleRows(larger, this.#length)
  }
}

class HalfRows implements KeptRows {
  readonly #all: Uint16Array
  readonly #length: number

  constructor(all: Uint16Array, length: number) {
    this.#all = all
    this.#length = length
  }

  put(rows: Float32Array, first: number): void {
    toHalves(rows, this.#all.subarray(first * this.#length, first * this.#length + rows.length))
  }

  take(row: number, to: Float32Array): void {
    fromHalves(this.#all.subarray(row * this.#length, (row + 1) * this.#length), to)
  }

  numbers(rows: number): Float32Array {
    const numbers = new Float32Array(rows * this.#length)
    fromHalves(this.#all.subarray(0, numbers.length), numbers)
    return numbers
  }

  enlarged(rows: number): KeptRows {
    const larger = new Uint16Array(rows * this.#length)
    larger.set(this.#all)
    return new HalfRows(larger, this.#length)
  }
}
