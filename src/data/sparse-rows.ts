import { SoftmarginError } from '../core/errors.ts'
import { Matrix } from '../core/matrix.ts'

/** Below this many numbers (64 MiB) a dense matrix is made without a question. */
const SMALL = 2 ** 24

/** A dense matrix may hold this many numbers for each one that is stored; beyond, the columns make no sense. */
const MOST_PER_ENTRY = 1024

/** The largest column number: that of an int, as LIBSVM's. */
export const MAX_INDEX = 2 ** 31 - 1

/** Rows that are mostly zeros, kept as column-value pairs until it is known how wide they are. */
export class SparseRows {
  #columns = new Int32Array(1024)
  #values = new Float32Array(1024)
  #count = 0
  /** Where each row begins among the pairs. */
  readonly #starts: number[] = []
  #width = 0
  #narrowest = Number.POSITIVE_INFINITY

  /** Rows so far. */
  get rows(): number {
    return this.#starts.length
  }

  /** One more than the greatest column so far. */
  get width(): number {
    return this.#width
  }

  /** The smallest column so far. */
  get narrowest(): number {
    return this.#narrowest
  }

  /** Begins a row. */
  begin(): void {
    this.#starts.push(this.#count)
  }

  /** Adds a number to the row that was begun last. */
  add(column: number, value: number): void {
    if (this.#count === this.#columns.length) {
      this.#columns = grown(this.#columns, new Int32Array(this.#count * 2))
      this.#values = grown(this.#values, new Float32Array(this.#count * 2))
    }
    this.#columns[this.#count] = column
    this.#values[this.#count++] = value
    if (column >= this.#width) this.#width = column + 1
    if (column < this.#narrowest) this.#narrowest = column
  }

  /**
   * All rows, dense.
   *
   * @param cols at least `width - shift`
   * @param name of what is read, for the error message
   * @param shift columns at the left that are empty and left out
   * @throws {SoftmarginError} `OUT_OF_MEMORY` where a few numbers would make a gigantic matrix
   */
  toMatrix(cols: number, name: string, shift = 0): Matrix {
    const size = this.rows * cols
    if (size > Math.max(SMALL, MOST_PER_ENTRY * this.#count) || size > MAX_INDEX) {
      throw new SoftmarginError(
        'OUT_OF_MEMORY',
        `${name} has ${this.rows} rows of ${cols} columns, but only ${this.#count} numbers in them: ` +
          'dense, they do not fit in memory',
        { argument: name, received: size, expected: 'a matrix that is not almost empty' },
      )
    }
    const data = new Float32Array(size)
    for (let row = 0; row < this.rows; row++) {
      const end = row + 1 < this.rows ? this.#starts[row + 1] : this.#count
      const first = row * cols - shift
      for (let at = this.#starts[row]; at < end; at++) data[first + this.#columns[at]] = this.#values[at]
    }
    return new Matrix(data, this.rows, cols)
  }
}

function grown<A extends Int32Array | Float32Array>(old: A, larger: A): A {
  larger.set(old)
  return larger
}
