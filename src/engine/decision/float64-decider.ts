import { PackedRows } from '../kernel/packed-rows.ts'
import { Conditioner } from '../kernel/packer.ts'
import { PairWeights } from '../kernel/pair-weights.ts'
import type { Engine } from '../wasm/engine.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import type { DecisionLayout, RowDecider } from './row-decider.ts'

/** Rows predicted together, and columns of kernel values that are summed while they are in the cache. */
const BLOCK = 16
const CHUNK = 256

/**
 * Computes decision values with kernel values and sums in float64, as LIBSVM does. Several times slower than
 * `Float32Decider`; used for models whose decision values would be inaccurate in float32, and for rows whose kernel
 * values exceed its range.
 */
export class Float64Decider implements RowDecider {
  readonly blockRows = BLOCK
  readonly #engine: Engine
  readonly #rows: PackedRows
  readonly #conditioner: Conditioner
  readonly #weights: PairWeights
  readonly #intercept: Float64Array
  readonly #staging: number
  readonly #values: number
  readonly #sums: number

  constructor(engine: Engine, { rows, conditioning, weights, intercept }: DecisionLayout) {
    this.#engine = engine
    this.#rows = new PackedRows(engine, rows)
    this.#conditioner = new Conditioner(engine, conditioning, rows.width)
    this.#weights = new PairWeights(engine, weights!)
    this.#intercept = intercept
    this.#staging = engine.allocate(BLOCK * rows.width * 4)
    this.#values = engine.allocate(BLOCK * CHUNK * 8)
    this.#sums = engine.allocate(BLOCK * this.#weights.length * 8)
  }

  async decide(given: Float32Array, rows: number, out: Float64Array, timeSlice: TimeSlice): Promise<void> {
    this.#engine.float32(this.#staging, given.length).set(given)
    this.#conditioner.apply(this.#staging, rows)
    this.#rows.take(this.#staging, rows)
    const sums = rows * this.#weights.length
    this.#engine.float64(this.#sums, sums).fill(0)
    for (const [c, run] of this.#rows.runs.entries()) {
      for (let j = 0; j < run.size; j += CHUNK) {
        const cols = Math.min(CHUNK, run.size - j)
        this.#rows.computeBlockFloat64(rows, run.start + j, cols, this.#values, CHUNK * 8)
        this.#weights.addWideSums(
          c,
          [j, Math.min(cols, run.count - j)],
          [this.#values, CHUNK * 8, rows],
          this.#sums,
        )
        if (timeSlice.expired) await timeSlice.yield()
      }
    }
    this.#weights.decide(this.#engine.float64(this.#sums, sums), rows, this.#intercept, out, 0)
  }
}
