import type { Matrix } from '../../core/matrix.ts'
import { columnStats } from '../kernel/column-stats.ts'
import { powerOfTwoScale, rescaled, unitOf } from '../kernel/kernel.ts'
import type { PackedRows } from '../kernel/packed-rows.ts'
import { Conditioner, packRows } from '../kernel/packer.ts'
import { PairWeights } from '../kernel/pair-weights.ts'
import { pairCount, vectorsOfClasses } from '../kernel/pairs.ts'
import { Engine } from '../wasm/engine.ts'
import type { Simd } from '../wasm/module.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import type { Expansion } from './expansion.ts'

/** Rows predicted together, and columns of kernel values that are summed while they are in the cache. */
const BLOCK = 16
const CHUNK = 256

/**
 * Computes decision values with kernel values and sums in float64, as LIBSVM does. Several times slower than
 * `Predictor`; used for models whose decision values would be inaccurate in float32, and for rows whose kernel values
 * exceed its range.
 */
export class PrecisePredictor {
  readonly #engine: Engine
  readonly #rows: PackedRows
  readonly #conditioner: Conditioner
  readonly #weights: PairWeights
  readonly #intercept: Float64Array
  readonly #pairs: number
  readonly #staging: number
  readonly #values: number
  readonly #sums: number

  private constructor(
    engine: Engine,
    rows: PackedRows,
    conditioner: Conditioner,
    weights: PairWeights,
    intercept: Float64Array,
  ) {
    this.#engine = engine
    this.#rows = rows
    this.#conditioner = conditioner
    this.#weights = weights
    this.#intercept = intercept
    this.#pairs = pairCount(rows.runs.length)
    this.#staging = engine.allocate(BLOCK * rows.width * 4)
    this.#values = engine.allocate(BLOCK * CHUNK * 8)
    this.#sums = engine.allocate(BLOCK * weights.length * 8)
  }

  /** Prepares an engine for an expansion. @throws {SoftmarginError} `ABORTED`, `HOST_UNSUPPORTED`, `OUT_OF_MEMORY` */
  static async open(simd: Simd, expansion: Expansion, timeSlice: TimeSlice): Promise<PrecisePredictor> {
    const engine = await Engine.open(simd)
    try {
      return await PrecisePredictor.#openIn(engine, expansion, timeSlice)
    } catch (error) {
      engine.close()
      throw error
    }
  }

  static async #openIn(
    engine: Engine,
    expansion: Expansion,
    timeSlice: TimeSlice,
  ): Promise<PrecisePredictor> {
    const { supportVectors, kernel, dualCoef, intercept, nSupport } = expansion
    const { largest } = await columnStats(engine, supportVectors, timeSlice)
    const scale = powerOfTwoScale(largest)
    const conditioning = { centre: undefined, scale, precise: { lessOne: false, origin: undefined } }
    const groups = vectorsOfClasses(nSupport)
    const rows = await packRows(
      engine,
      supportVectors,
      groups,
      rescaled(kernel, scale),
      conditioning,
      timeSlice,
    )
    const weights = new PairWeights(engine, rows.runs, Number.POSITIVE_INFINITY)
    await weights.setAll(dualCoef, timeSlice, unitOf(kernel, scale))
    const conditioner = new Conditioner(engine, conditioning, supportVectors.cols)
    return new PrecisePredictor(engine, rows, conditioner, weights, intercept)
  }

  /** Closes its engine. It must not be used afterwards. */
  close(): void {
    this.#engine.close()
  }

  /** Like `Predictor.decide`. @throws {SoftmarginError} `ABORTED` */
  async decide(
    X: Matrix,
    timeSlice: TimeSlice,
    onBlock: (decisions: Float64Array, done: number) => void,
  ): Promise<void> {
    const out = new Float64Array(Math.min(X.rows, BLOCK) * this.#pairs)
    for (let from = 0; from < X.rows; from += BLOCK) {
      const rows = Math.min(BLOCK, X.rows - from)
      const given = X.data.subarray(from * X.cols, (from + rows) * X.cols)
      this.#engine.float32(this.#staging, given.length).set(given)
      this.#conditioner.apply(this.#staging, rows)
      this.#rows.take(this.#staging, rows)
      const sums = rows * this.#weights.length
      this.#engine.float64(this.#sums, sums).fill(0)
      for (const [c, run] of this.#rows.runs.entries()) {
        for (let j = 0; j < run.size; j += CHUNK) {
          const cols = Math.min(CHUNK, run.size - j)
          this.#rows.multiplyWide(rows, run.start + j, cols, this.#values, CHUNK * 8)
          this.#weights.addWideSums(
            c,
            [j, Math.min(cols, run.count - j)],
            [this.#values, CHUNK * 8, rows],
            this.#sums,
          )
          if (timeSlice.expired) await timeSlice.yield()
        }
      }
      const decisions = out.subarray(0, rows * this.#pairs)
      this.#weights.decide(this.#engine.float64(this.#sums, sums), rows, this.#intercept, decisions, 0)
      onBlock(decisions, from + rows)
    }
  }
}
