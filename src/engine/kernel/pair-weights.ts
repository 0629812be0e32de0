// Coefficients of all one-vs-one pairs, and decision values from them.

import type { Engine } from '../wasm/engine.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import { coefficientRow, pairCount, pairIndex } from './pairs.ts'
import type { Run } from './runs.ts'

/**
 * Sums with larger coefficients are computed in float64. If such coefficients nearly cancel, as those of rows that
 * occur with both labels do at C = 1e6, a float32 sum loses all significant digits.
 */
const MAX_FLOAT32_COEFFICIENT = 100

/** Where coefficients are in memory: plain data, so that it can be sent to a thread that shares the memory. */
export interface WeightsLayout {
  runs: Run[]
  /** Address of the coefficients of each class. */
  addresses: number[]
  /** Whether they, and all sums, are float64. */
  exact: boolean
}

/**
 * Dual coefficients of one-vs-one classifiers in the engine's memory, and the weighted sums of kernel values.
 *
 * The rows of a class occur only in pairs with that class, so their coefficients form a matrix of rows x (classes - 1)
 * in LIBSVM's order: the column of a pair is the `coefficientRow` of the other class.
 */
export class PairWeights {
  readonly layout: WeightsLayout
  /** Columns of each class's coefficient matrix, padded to a multiple of 4. */
  readonly columns: number
  /** Float64 sums per row of kernel values: `columns` for each class. */
  readonly length: number
  readonly #engine: Engine
  readonly #runs: Run[]
  readonly #addresses: number[]
  readonly #exact: boolean

  constructor(engine: Engine, layout: WeightsLayout) {
    this.layout = layout
    this.#engine = engine
    this.#runs = layout.runs
    this.columns = PairWeights.columns(this.#runs.length)
    this.length = this.columns * this.#runs.length
    this.#exact = layout.exact
    this.#addresses = layout.addresses
  }

  /**
   * Allocates coefficients, all of them 0.
   *
   * @param largest upper bound of their absolute values; decides between float32 and float64
   */
  static allocate(engine: Engine, runs: Run[], largest: number): PairWeights {
    const exact = largest > MAX_FLOAT32_COEFFICIENT
    const bytes = PairWeights.columns(runs.length) * (exact ? 8 : 4)
    const addresses = runs.map((run) => engine.allocate(run.size * bytes))
    const weights = new PairWeights(engine, { runs, addresses, exact })
    for (const [c, run] of runs.entries()) weights.#view(c, run.size).fill(0)
    return weights
  }

  /** `columns` for so many classes. */
  static columns(classes: number): number {
    return Math.ceil((classes - 1) / 4) * 4
  }

  #view(c: number, rows: number): Float32Array | Float64Array {
    const length = rows * this.columns
    const address = this.#addresses[c]
    return this.#exact ? this.#engine.float64(address, length) : this.#engine.float32(address, length)
  }

  /** Sets the coefficients of the rows of class `own` in its pair with class `other`. */
  set(code: number, other: number, coefficients: Float64Array): void {
    const view = this.#view(code, coefficients.length)
    const column = coefficientRow(code, other)
    for (let row = 0; row < coefficients.length; row++) view[row * this.columns + column] = coefficients[row]
  }

  /**
   * Sets all coefficients.
   *
   * @param dualCoef in LIBSVM's layout, (classes - 1) x rows of all classes
   * @param unit what they are divided by. Default 1
   * @throws {SoftmarginError} `ABORTED`
   */
  async setAll(dualCoef: Float64Array, timeSlice: TimeSlice, unit = 1): Promise<void> {
    const lines = this.#runs.length - 1
    const rows = dualCoef.length / lines
    let start = 0
    for (const [c, { count }] of this.#runs.entries()) {
      const view = this.#view(c, count)
      for (let line = 0; line < lines; line++) {
        const from = line * rows + start
        for (let row = 0; row < count; row++) view[row * this.columns + line] = dualCoef[from + row] / unit
      }
      start += count
      if (timeSlice.expired) await timeSlice.yield()
    }
  }

  /**
   * Adds the contribution of `length` rows of class `c`, from its row `from` on, to the sums.
   *
   * @param values address of `rows` rows of f32 kernel values, `stride` bytes apart
   * @param sums address of `rows` x `this.length` f64
   */
  addSums(
    c: number,
    [from, length]: [number, number],
    [values, stride, rows]: [number, number, number],
    sums: number,
  ): void {
    const { exactSums, weightedSums } = this.#engine.exports
    const weights = this.#addresses[c] + from * this.columns * (this.#exact ? 8 : 4)
    const add = this.#exact ? exactSums : weightedSums
    add(values, stride, rows, length, weights, this.columns, sums + c * this.columns * 8, this.length * 8)
  }

  /** Like `addSums`, for float64 kernel values. Requires float64 coefficients (`largest` infinite). */
  addWideSums(
    c: number,
    [from, length]: [number, number],
    [values, stride, rows]: [number, number, number],
    sums: number,
  ): void {
    const weights = this.#addresses[c] + from * this.columns * 8
    const out = sums + c * this.columns * 8
    const { preciseSums } = this.#engine.exports
    preciseSums(values, stride, rows, length, weights, this.columns, out, this.length * 8)
  }

  /**
   * Decision values: for each pair, the sums of both classes plus the intercept.
   *
   * @param sums `rows` x `length`
   * @param intercept one per pair
   * @param out rows x pairs, written from row `from` on
   */
  decide(
    sums: Float64Array,
    rows: number,
    intercept: ArrayLike<number>,
    out: Float64Array,
    from: number,
  ): void {
    const { columns, length } = this
    const classes = this.#runs.length
    const pairs = pairCount(classes)
    for (let r = 0; r < rows; r++) {
      const at = r * length
      const to = (from + r) * pairs
      // Eight classes at a time: the sums that each other class has for them are in one cache line.
      for (let first = 0; first < classes; first += 8) {
        const last = Math.min(first + 8, classes)
        for (let j = first + 1; j < classes; j++) {
          for (let i = first, end = Math.min(last, j); i < end; i++) {
            const p = pairIndex(i, j, classes)
            const ofFirst = sums[at + i * columns + coefficientRow(i, j)]
            out[to + p] = ofFirst + sums[at + j * columns + coefficientRow(j, i)] + intercept[p]
          }
        }
      }
    }
  }
}
