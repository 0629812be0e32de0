import type { DualProblem } from '../dual/dual-problem.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'

/** Where the solver finds kernel rows. */
export interface RowProvider {
  /**
   * Tells the problem of two runs, by their numbers, which of its rows are in memory. Both may be the same run:
   * then each row stands for two points, and is there once.
   */
  attach(problem: DualProblem, first: number, second: number, timeSlice: TimeSlice): Promise<void>
  /** Brings the row that the solver stopped for. @throws {SoftmarginError} `ABORTED` */
  provide(problem: DualProblem, timeSlice: TimeSlice): Promise<void>
  /** Brings rows, at most `batch`, of points that have none. @throws {SoftmarginError} `ABORTED` */
  load(problem: DualProblem, points: number[], timeSlice: TimeSlice): Promise<void>
  readonly batch: number
  /** Whether rows of the problem that is attached stay once they are there. */
  readonly keepsRows: boolean
  /** f32 a position: K(x, x), with the rounding of the rows. */
  readonly diagonal: number
  /** Rows computed for the last problem, as a share of all its rows. */
  readonly share: number
}
