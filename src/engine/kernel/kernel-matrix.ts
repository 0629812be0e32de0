import type { SvmKernel } from './kernel.ts'
import type { Run } from './runs.ts'

/**
 * Computes kernel values between rows, comparable to LIBSVM's `QMatrix`. Rows are stored in runs, one per group, and
 * are identified by their position.
 */
export interface KernelMatrix {
  readonly kind: SvmKernel['kind']
  readonly runs: Run[]
  /** Address of one f32 per position: K(x, x), bit-identical to what `computeBlock` computes. */
  readonly diagonal: number
  /** Selects up to `blockRows` rows, by position, as the left operand of subsequent `computeBlock` calls. */
  gather(positions: ArrayLike<number>): void
  /** Columns that one `computeBlock` of `rows` rows may have, so that aborts are noticed in time: a multiple of 8. */
  columnsPerCall(rows: number): number
  /**
   * out[i][j] = K(row i of the left operand, position `start` + j), `rows` x `cols` float32.
   *
   * @param stride bytes between rows of `out`
   */
  computeBlock(rows: number, start: number, cols: number, out: number, stride: number): void
}
