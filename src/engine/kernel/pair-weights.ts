import type { Engine } from '../wasm/engine.ts'
import type { Run } from './runs.ts'

/** The numbers of all pairs (i, j), i < j, in order. */
export function pairsOf(classes: number): [number, number][] {
  const pairs: [number, number][] = []
  for (let i = 0; i < classes; i++) for (let j = i + 1; j < classes; j++) pairs.push([i, j])
  return pairs
}

/**
 * Sums with larger coefficients are made in float64: where they all but cancel each other out, as those of rows with
 * both labels do at C = 1e6, float32 leaves nothing of the sum.
 */
const LARGE = 100

/**
 * Coefficients of one-vs-one machines in the engine's memory, and the sums of kernel values that they make.
 *
 * The rows of a class take part in the pairs of that class only: their coefficients are a matrix, rows x
 * (classes - 1), in LIBSVM's order: for the pair i < j, class i has them in column j - 1 and class j in column i.
 */
export class PairWeights {
  /** Columns of each class's coefficients, padded to a multiple of 4. */
  readonly columns: number
  /** Float64 sums of one row of kernel values: `columns` for each class. */
  readonly length: number
  readonly #engine: Engine
  readonly #runs: Run[]
  readonly #addresses: number[]
  readonly #exact: boolean

  /** @param largest no coefficient is larger than this, or smaller than its negative */
  constructor(engine: Engine, runs: Run[], largest: number) {
    this.#engine = engine
    this.#runs = runs
    this.columns = PairWeights.columns(runs.length)
    this.length = this.columns * runs.length
    this.#exact = largest > LARGE
    this.#addresses = runs.map((run) => engine.allocate(run.size * this.columns * (this.#exact ? 8 : 4)))
    for (const [c, run] of runs.entries()) this.#view(c, run.size).fill(0)
  }

  static columns(classes: number): number {
    return Math.ceil((classes - 1) / 4) * 4
  }

  /** Bytes for the coefficients of so many rows, at most. */
  static bytes(rows: number, classes: number): number {
    return rows * PairWeights.columns(classes) * 8
  }

  #view(c: number, rows: number): Float32Array | Float64Array {
    const length = rows * this.columns
    const address = this.#addresses[c]
    return this.#exact ? this.#engine.float64(address, length) : this.#engine.float32(address, length)
  }

  /** Sets the coefficients of one column of a class, row after row. */
  setColumn(c: number, column: number, count: number, coefficient: (row: number) => number): void {
    const view = this.#view(c, count)
    for (let row = 0; row < count; row++) view[row * this.columns + column] = coefficient(row)
  }

  /**
   * Adds what rows of a class contribute to sums.
   *
   * @param c the class; its rows from `from` on, `length` of them
   * @param values f32: `rows` rows of kernel values, `stride` bytes apart
   * @param sums f64: `rows` x `this.length`
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

  /** As `addSums`, of kernel values in float64: the coefficients must be too, with `largest` infinite. */
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
   * Decision values: the sums of both classes and the intercept of each pair.
   *
   * @param sums of `rows` rows, `length` each
   * @param out rows x pairs, from row `from` on
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
    const pairs = (classes * (classes - 1)) / 2
    for (let r = 0; r < rows; r++) {
      const at = r * length
      const to = (from + r) * pairs
      // Eight classes at a time: what the others have for them stands in one line of the cache.
      for (let first = 0; first < classes; first += 8) {
        const last = Math.min(first + 8, classes)
        for (let j = first + 1; j < classes; j++) {
          for (let i = first, end = Math.min(last, j); i < end; i++) {
            const p = (i * (2 * classes - i - 3)) / 2 + j - 1
            out[to + p] = sums[at + i * columns + j - 1] + sums[at + j * columns + i] + intercept[p]
          }
        }
      }
    }
  }
}
