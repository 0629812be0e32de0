import { SoftmarginError } from '../core/errors.ts'
import { Matrix } from '../core/matrix.ts'

/** A dense matrix of at most this many elements (64 MiB) is always allowed. */
const MAX_SMALL_ELEMENTS = 2 ** 24

/** A larger dense matrix may have at most this many elements per stored one; more suggests wrong column numbers. */
const MAX_ELEMENTS_PER_ENTRY = 1024

/** The largest column number: that of a 32-bit int, as in LIBSVM. */
export const MAX_INDEX = 2 ** 31 - 1

/** Sparse rows, stored as column-value pairs until their width is known. */
export class SparseRows {
  #columns = new Int32Array(1024)
  #values = new Float32Array(1024)
  #count = 0
  /** The position of each row's first pair. */
  readonly #starts: number[] = []
  #width = 0
  #narrowest = Number.POSITIVE_INFINITY

  /** The number of rows so far. */
  get rows(): number {
    return this.#starts.length
  }

  /** One more than the largest column so far. */
  get width(): number {
    return this.#width
  }

  /** The smallest column so far. */
  get narrowest(): number {
    return this.#narrowest
  }

  /** Begins a new row. */
  begin(): void {
    this.#starts.push(this.#count)
  }

  /** Adds a value to the current row. */
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
   * Converts all rows to a dense matrix.
   *
   * @param cols the width of the matrix, at least `width - shift`
   * @param name the name of the source, for the error message
   * @param shift the number of empty columns to drop on the left
   * @throws {SoftmarginError} `OUT_OF_MEMORY` if few values would make an extremely large matrix
   */
  toMatrix(cols: number, name: string, shift = 0): Matrix {
    const size = this.rows * cols
    if (size > Math.max(MAX_SMALL_ELEMENTS, MAX_ELEMENTS_PER_ENTRY * this.#count) || size > MAX_INDEX) {
      throw new SoftmarginError(
        'OUT_OF_MEMORY',
        `${name} has ${this.rows} rows of ${cols} columns with only ${this.#count} numbers in them: ` +
          'as a dense matrix it does not fit in memory',
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
