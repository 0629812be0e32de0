import { SoftmarginError } from '../core/errors.ts'
import { Matrix } from '../core/matrix.ts'

/** A float32 matrix to which rows can be appended. */
export class GrowingRows {
  readonly #cols: number
  #data = new Float32Array(0)
  #rows = 0

  constructor(cols: number) {
    this.#cols = cols
  }

  /** @throws {SoftmarginError} `OUT_OF_MEMORY` */
  add({ data, rows }: Matrix): void {
    const used = this.#rows * this.#cols
    if (used + data.length > this.#data.length)
      this.#grow(Math.max(2 * this.#data.length, used + data.length))
    this.#data.set(data, used)
    this.#rows += rows
  }

  /** Returns all rows; the numbers are shared, not copied. */
  matrix(): Matrix {
    return new Matrix(this.#data.subarray(0, this.#rows * this.#cols), this.#rows, this.#cols)
  }

  #grow(length: number): void {
    let larger: Float32Array<ArrayBuffer>
    try {
      larger = new Float32Array(length)
    } catch (cause) {
      const message = `more than ${this.#rows} rows of ${this.#cols} features do not fit in memory`
      throw new SoftmarginError('OUT_OF_MEMORY', message, { argument: 'images', cause })
    }
    larger.set(this.#data.subarray(0, this.#rows * this.#cols))
    this.#data = larger
  }
}
