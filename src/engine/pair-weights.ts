import type { Engine } from './engine.ts'
import type { Run } from './packed-rows.ts'

/** The numbers of all pairs (i, j), i < j, in order. */
export function pairsOf(classes: number): [number, number][] {
  const pairs: [number, number][] = []
  for (let i = 0; i < classes; i++) for (let j = i + 1; j < classes; j++) pairs.push([i, j])
  return pairs
}

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

  constructor(engine: Engine, runs: Run[]) {
    this.#engine = engine
    this.#runs = runs
    this.columns = PairWeights.columns(runs.length)
    this.length = this.columns * runs.length
    this.#addresses = runs.map((run) => engine.allocate(run.size * this.columns * 4))
    this.clear()
  }

  static columns(classes: number): number {
    return Math.ceil((classes - 1) / 4) * 4
  }

  clear(): void {
    for (const [c, run] of this.#runs.entries()) {
      this.#engine.float32(this.#addresses[c], run.size * this.columns).fill(0)
    }
  }

  /** Sets the coefficients of one column of a class, row after row. */
  setColumn(c: number, column: number, count: number, coefficient: (row: number) => number): void {
    const view = this.#engine.float32(this.#addresses[c], count * this.columns)
    for (let row = 0; row < count; row++) view[row * this.columns + column] = coefficient(row)
  }

  /** Where the coefficients of a class begin, from its row `from` on. */
  address(c: number, from = 0): number {
    return this.#addresses[c] + from * this.columns * 4
  }

  /** Decision values: out[pair] = sums of both classes + intercept[pair]. */
  decide(sums: Float64Array, intercept: ArrayLike<number>, out: Float64Array): void {
    const { columns } = this
    const classes = this.#runs.length
    // Eight classes at a time: what the others have for them stands in one line of the cache.
    for (let from = 0; from < classes; from += 8) {
      const to = Math.min(from + 8, classes)
      for (let j = from + 1; j < classes; j++) {
        for (let i = from, last = Math.min(to, j); i < last; i++) {
          const p = (i * (2 * classes - i - 3)) / 2 + j - 1
          out[p] = sums[i * columns + j - 1] + sums[j * columns + i] + intercept[p]
        }
      }
    }
  }
}
