import type { DualProblem } from '../dual/dual-problem.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'

/** Provides kernel rows to the solver. Comparable to LIBSVM's `Cache`. */
export interface RowProvider {
  /**
   * Prepares for the problem of two runs, given by index, and sets the addresses of its rows that are in memory. If
   * both are the same run, each row belongs to two points and is stored once.
   *
   * @throws {SoftmarginError} `ABORTED`
   */
  attach(problem: DualProblem, first: number, second: number, timeSlice: TimeSlice): Promise<void>
  /** Loads the row that the solver requested (NEEDS_ROW). @throws {SoftmarginError} `ABORTED` */
  provide(problem: DualProblem, timeSlice: TimeSlice): Promise<void>
  /** Loads the rows of at most `batch` points that have none. @throws {SoftmarginError} `ABORTED` */
  load(problem: DualProblem, points: number[], timeSlice: TimeSlice): Promise<void>
  readonly batch: number
  /** Whether rows of the attached problem are never evicted. */
  readonly keepsRows: boolean
  /** Address of one f32 per position: K(x, x), bitwise as in the rows. */
  readonly diagonal: number
  /** Fraction of the rows of the last problem that were computed, 0 to 1. */
  readonly share: number
}
