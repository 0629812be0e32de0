import { roomFor } from '../core/errors.ts'
import { Matrix } from '../core/matrix.ts'
import type { Precision } from '../core/precision/float16.ts'
import { type KeptRows, keptRows } from '../core/precision/kept-rows.ts'

/** A matrix to which rows can be appended. */
export class GrowingRows {
  readonly cols: number
  #kept: KeptRows
  #room = 0
  #rows = 0

  constructor(cols: number, precision: Precision = 'float32') {
    this.cols = cols
    this.#kept = keptRows(0, cols, precision)
  }

  /** @throws {SoftmarginError} `OUT_OF_MEMORY` */
  add({ data, rows }: Matrix): void {
    const needed = this.#rows + rows
    if (needed > this.#room) this.#grow(Math.max(2 * this.#room, needed))
    this.#kept.put(data, this.#rows)
    this.#rows = needed
  }

  /** Writes a row to the start of `to`. */
  take(row: number, to: Float32Array): void {
    this.#kept.take(row, to)
  }

  /** Returns all rows; float32 numbers are shared, not copied. */
  matrix(): Matrix {
    return new Matrix(this.#kept.numbers(this.#rows), this.#rows, this.cols)
  }

  #grow(rows: number): void {
    const what = `more than ${this.#rows} rows of ${this.cols} features`
    this.#kept = roomFor(() => this.#kept.enlarged(rows), what)
    this.#room = rows
  }
}
