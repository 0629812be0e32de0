import { SoftmarginError } from '../../core/errors.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { Engine } from '../wasm/engine.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import { type ColumnStats, columnStats } from './column-stats.ts'

/** A kernel with all its numbers: `gamma` is resolved. */
export interface Kernel {
  kind: 'linear' | 'poly' | 'rbf' | 'sigmoid'
  gamma: number
  coef0: number
  degree: number
}

/** A kernel whose values are handed in instead of rows. */
export interface PrecomputedKernel {
  kind: 'precomputed'
  /** Rows that the fit had: a row to decide on has a kernel value with each of them. */
  columns: number
}

/** Whatever a machine may decide by. */
export type SvmKernel = Kernel | PrecomputedKernel

/** The numbers of assembly/kernel.ts. */
export const KERNEL_CODES = { linear: 0, poly: 1, rbf: 2, sigmoid: 3 } as const

/**
 * How rows are shifted and scaled on their way into the engine, so that float32 products stay exact.
 *
 * - `centre` (rbf, linear): distances do not change, and a linear kernel's dual does not either, since its
 *   coefficients sum to 0. Without it |x|^2 + |z|^2 - 2 x.z loses what is small against the mean.
 * - `scale`, a power of two (so exact), as `powerFor` gives it.
 */
export interface Conditioning {
  centre: Float32Array | undefined
  scale: number
  /** Set where float32 products would lose what tells rows apart; `centre` is not set then. */
  precise?: PreciseKernel | undefined
}

/**
 * How kernel values are made in float64, and what is subtracted before they are rounded to float32 (assembly/precise.ts).
 * Where the coefficients of an expansion sum to 0, a function of either row may be subtracted: the dual does not change,
 * and rho changes by a constant.
 */
export interface PreciseKernel {
  /** rbf: whether 1 is subtracted. */
  lessOne: boolean
  /**
   * The others: h(x) + h(z) is subtracted from K(x, z), where h(x) = K(x, origin) - K(origin, origin) / 2. Of a linear
   * kernel that leaves (x - origin).(z - origin).
   */
  origin: Float32Array | undefined
}

/** The conditioning that suits these rows and this kernel. @throws {SoftmarginError} `ABORTED` */
export async function conditioningOf(
  engine: Engine,
  X: Matrix,
  kind: Kernel['kind'],
  timeSlice: TimeSlice,
): Promise<Conditioning> {
  return conditioningFromStats(await columnStats(engine, X, timeSlice), kind)
}

/** As `conditioningOf`, for rows that were looked at. */
export function conditioningFromStats(
  { columnMeans, largest }: ColumnStats,
  kind: Kernel['kind'],
): Conditioning {
  const centre = kind === 'rbf' || kind === 'linear' ? Float32Array.from(columnMeans) : undefined
  return { centre, scale: powerOfTwoScale(largest) }
}

/**
 * The power of two that brings the largest number between 1 and 2, and 1 if all are 0. So squares stay far from the
 * ends of float32, and the solver's own small numbers mean the same whatever unit the rows are in.
 */
export function powerOfTwoScale(largest: number): number {
  let scale = 1
  if (largest > 0) {
    while (largest * scale >= 2) scale /= 2
    while (largest * scale < 1) scale *= 2
  }
  return scale
}

/** The kernel that gives the same values on scaled rows (linear: times `scale` squared). */
export function rescaled(kernel: Kernel, scale: number): Kernel {
  return scale === 1 ? kernel : { ...kernel, gamma: kernel.gamma / scale / scale }
}

/** The error of kernel values, or sums of them, that float32 cannot hold. */
export function beyondFloat32(): SoftmarginError {
  return new SoftmarginError(
    'INVALID_ARGUMENT',
    'the kernel values of X leave the range of float32: scale X, or take a smaller gamma, coef0 or degree',
    { argument: 'X', expected: 'rows whose kernel values are finite' },
  )
}
