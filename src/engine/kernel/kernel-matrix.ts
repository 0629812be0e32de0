import type { SvmKernel } from './kernel.ts'
import type { Run } from './runs.ts'

/** Makes kernel values between rows that stand in runs, a group of rows in each. A row is named by its position. */
export interface KernelMatrix {
  readonly kind: SvmKernel['kind']
  readonly runs: Run[]
  /** f32 a position: K(x, x), with the rounding of the rows. */
  readonly diagonal: number
  /** Takes up to `blockRows` rows, by position, as the left side of the next `multiply`. */
  gather(positions: ArrayLike<number>): void
  /** Columns that one `multiply` of `rows` rows may have, so that an abort is heard: a multiple of 8. */
  columnsPerCall(rows: number): number
  /**
   * out[i][j] = K(left i, position `start` + j), `rows` x `cols` float32.
   *
   * @param stride bytes from one row of `out` to the next
   */
  multiply(rows: number, start: number, cols: number, out: number, stride: number): void
}
