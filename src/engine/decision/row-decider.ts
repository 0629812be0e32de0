import type { Conditioning } from '../kernel/kernel.ts'
import type { PackedLayout } from '../kernel/packed-rows.ts'
import type { WeightsLayout } from '../kernel/pair-weights.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'

/** Where an expansion is in memory: plain data, so that it can be sent to a thread that shares the memory. */
export interface DecisionLayout {
  /** The support vectors; for a linear kernel in float32 the weight vectors of the pairs. */
  rows: PackedLayout
  /** How rows are to be conditioned. If its `precise` is set, everything is computed in float64. */
  conditioning: Conditioning
  /** Undefined for weight vectors. */
  weights: WeightsLayout | undefined
  /** One per pair. */
  intercept: Float64Array
}

/** Computes decision values of a few rows at a time, on one thread. */
export interface RowDecider {
  /** Rows that `decide` takes at most. */
  readonly blockRows: number
  /**
   * @param given `rows` finite rows, as many columns as the support vectors have
   * @param out receives the decision values, rows x pairs; not finite where they are beyond float32
   * @throws {SoftmarginError} `ABORTED`
   */
  decide(given: Float32Array, rows: number, out: Float64Array, timeSlice: TimeSlice): Promise<void>
}
