import { PackedRows } from '../kernel/packed-rows.ts'
import { Conditioner } from '../kernel/packer.ts'
import { PairWeights } from '../kernel/pair-weights.ts'
import { RbfUnderflow } from '../kernel/rbf-underflow.ts'
import { positionsIn } from '../kernel/runs.ts'
import type { Engine } from '../wasm/engine.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import type { DecisionLayout, RowDecider } from './row-decider.ts'

/** If float32 rounding may change decision values by more than this (the margin is 1), float64 is used. */
export const MAX_FLOAT32_ERROR = 2 ** -7
/** Unit roundoff of float32. */
export const UNIT_ROUNDOFF = 2 ** -24
/** Columns of kernel values that are computed and summed while they are in the cache. */
const CHUNK = 1024

/** Computes decision values with kernel values in float32. */
export class Float32Decider implements RowDecider {
  readonly blockRows: number
  readonly #engine: Engine
  readonly #rows: PackedRows
  readonly #conditioner: Conditioner
  readonly #intercept: Float64Array
  readonly #weights: PairWeights | undefined
  readonly #staging: number
  /** Handles float32 underflow; rbf kernel only. */
  readonly #underflow: RbfUnderflow | undefined
  /** Address of scratch for a block's values with all support vectors; 0 until `#sumFar` needs it. */
  #wide = 0
  readonly #values: number
  readonly #sums: number

  constructor(engine: Engine, { rows, conditioning, weights, intercept }: DecisionLayout) {
    const { blockRows } = engine
    this.blockRows = blockRows
    this.#engine = engine
    this.#rows = new PackedRows(engine, rows)
    this.#conditioner = new Conditioner(engine, conditioning, rows.width)
    this.#intercept = intercept
    this.#weights = weights && new PairWeights(engine, weights)
    this.#values = engine.allocate(blockRows * (weights ? CHUNK : this.#size) * 4)
    this.#sums = engine.allocate(blockRows * (this.#weights?.length ?? 0) * 8)
    if (weights && rows.kernel.kind === 'rbf') this.#underflow = this.#allocateUnderflow(rows.kernel.gamma)
    this.#staging = engine.allocate(blockRows * rows.width * 4)
  }

  /** Number of positions of the support vectors, including padding. */
  get #size(): number {
    return positionsIn(this.#rows.runs)
  }

  #allocateUnderflow(gamma: number): RbfUnderflow {
    const members = this.#engine.allocate(this.#size * 4)
    const view = this.#engine.float32(members, this.#size).fill(0)
    for (const { start, count } of this.#rows.runs) view.fill(1, start, start + count)
    return new RbfUnderflow(this.#engine, gamma, this.#size, this.#rows.norms, members, this.blockRows)
  }

  /** Allocates what only rows that may underflow need. */
  allocateWide(): void {
    if (this.#underflow) this.#wide ||= this.#engine.allocate(this.blockRows * this.#size * 4)
  }

  async decide(given: Float32Array, rows: number, out: Float64Array, timeSlice: TimeSlice): Promise<void> {
    this.#engine.float32(this.#staging, given.length).set(given)
    this.#conditioner.apply(this.#staging, rows)
    this.#rows.take(this.#staging, rows)
    if (this.#weights) await this.#decideBlock(this.#weights, rows, out, timeSlice)
    else await this.#decideLinear(rows, out, timeSlice)
  }

  async #decideLinear(rows: number, out: Float64Array, timeSlice: TimeSlice): Promise<void> {
    const pairs = this.#intercept.length
    const { size } = this.#rows.runs[0]
    const step = this.#rows.columnsPerCall(rows)
    for (let j = 0; j < size; j += step) {
      this.#rows.computeBlock(rows, j, Math.min(step, size - j), this.#values + j * 4, size * 4)
      if (timeSlice.expired) await timeSlice.yield()
    }
    const values = this.#engine.float32(this.#values, rows * size)
    for (let r = 0; r < rows; r++) {
      for (let p = 0; p < pairs; p++) out[r * pairs + p] = values[r * size + p] + this.#intercept[p]
    }
  }

  async #decideBlock(
    weights: PairWeights,
    rows: number,
    out: Float64Array,
    timeSlice: TimeSlice,
  ): Promise<void> {
    const { length } = weights
    this.#engine.float64(this.#sums, rows * length).fill(0)
    if (this.#underflow?.mayHold(this.#rows.leftNorms, rows))
      await this.#sumShifted(this.#underflow, weights, rows, timeSlice)
    else await this.#sum(weights, rows, timeSlice)
    weights.decide(this.#engine.float64(this.#sums, rows * length), rows, this.#intercept, out, 0)
  }

  /** Computes kernel values chunk by chunk and sums them while they are in the cache. */
  async #sum(weights: PairWeights, rows: number, timeSlice: TimeSlice): Promise<void> {
    const step = Math.min(CHUNK, this.#rows.columnsPerCall(rows))
    for (const [c, run] of this.#rows.runs.entries()) {
      for (let j = 0; j < run.size; j += step) {
        const cols = Math.min(step, run.size - j)
        this.#rows.computeBlock(rows, run.start + j, cols, this.#values, CHUNK * 4)
        weights.addSums(c, [j, cols], [this.#values, CHUNK * 4, rows], this.#sums)
        if (timeSlice.expired) await timeSlice.yield()
      }
    }
  }

  /** Like `#sum`, for rows that may underflow: the distance to the nearest support vector must be known first. */
  async #sumShifted(
    underflow: RbfUnderflow,
    weights: PairWeights,
    rows: number,
    timeSlice: TimeSlice,
  ): Promise<void> {
    const { length } = weights
    const stride = this.#size * 4
    this.allocateWide()
    const step = this.#rows.columnsPerCall(rows)
    for (let j = 0; j < this.#size; j += step) {
      const cols = Math.min(step, this.#size - j)
      this.#rows.computeDotProducts(rows, j, cols, this.#wide + j * 4, stride)
      if (timeSlice.expired) await timeSlice.yield()
    }
    const { norms, factors } = underflow.shift(this.#wide, stride, rows, this.#rows.leftNorms)
    this.#rows.apply(this.#wide, stride, rows, 0, this.#size, norms)
    for (const [c, run] of this.#rows.runs.entries()) {
      weights.addSums(c, [0, run.size], [this.#wide + run.start * 4, stride, rows], this.#sums)
    }
    RbfUnderflow.scale(this.#engine.float64(this.#sums, rows * length), length, factors)
  }
}
