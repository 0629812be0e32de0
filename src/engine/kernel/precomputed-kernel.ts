import type { Matrix } from '../../core/matrix.ts'
import type { Engine } from '../wasm/engine.ts'
import type { KernelMatrix } from './kernel-matrix.ts'
import { padded, positionsIn, type Run, runsOf } from './runs.ts'

/** Elements copied at once: a few milliseconds. */
const COLUMNS = 1 << 16

/** Rows of a precomputed kernel: values are copied from a square matrix instead of being computed. */
export class PrecomputedRows implements KernelMatrix {
  readonly kind = 'precomputed'
  readonly runs: Run[]
  readonly diagonal: number
  readonly #engine: Engine
  readonly #matrix: Matrix
  readonly #scale: number
  /** The row of the matrix at each position; -1 for padding. */
  readonly #rowAt: Int32Array
  #left: number[] = []

  /**
   * @param matrix kernel values, rows x rows
   * @param groups row numbers of the matrix, group by group
   * @param scale a power of two by which the values are multiplied
   */
  constructor(engine: Engine, matrix: Matrix, groups: ArrayLike<number>[], scale: number) {
    this.#engine = engine
    this.#matrix = matrix
    this.#scale = scale
    this.runs = runsOf(groups)
    const positions = positionsIn(this.runs)
    this.#rowAt = new Int32Array(positions).fill(-1)
    for (const [g, group] of groups.entries()) this.#rowAt.set(Array.from(group), this.runs[g].start)
    this.diagonal = engine.allocate(positions * 4)
    const diagonal = engine.float32(this.diagonal, positions)
    for (let k = 0; k < positions; k++) diagonal[k] = this.#value(this.#rowAt[k], this.#rowAt[k])
  }

  #value(row: number, column: number): number {
    return row < 0 || column < 0 ? 0 : this.#matrix.data[row * this.#matrix.cols + column] * this.#scale
  }

  gather(positions: ArrayLike<number>): void {
    this.#left = Array.from(positions, (position) => this.#rowAt[position])
  }

  columnsPerCall(rows: number): number {
    return padded(Math.ceil(COLUMNS / rows))
  }

  computeBlock(rows: number, start: number, cols: number, out: number, stride: number): void {
    for (let i = 0; i < rows; i++) {
      const view = this.#engine.float32(out + i * stride, cols)
      for (let j = 0; j < cols; j++) view[j] = this.#value(this.#left[i], this.#rowAt[start + j])
    }
  }
}
