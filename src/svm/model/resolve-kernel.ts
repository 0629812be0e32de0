import { shapeMismatch } from '../../core/errors.ts'
import { checkFiniteRows, type Matrix } from '../../core/matrix.ts'
import type { ColumnStats } from '../../engine/kernel/column-stats.ts'
import type { Kernel, SvmKernel } from '../../engine/kernel/kernel.ts'
import type { TimeSlice } from '../../engine/wasm/time-slice.ts'
import { columnStatsOf } from './column-stats-of.ts'
import type { SvmParameters } from './svm-params.ts'

/** Parameters of an SVM whose X holds features, not precomputed kernel values. */
export type FeatureParameters = SvmParameters & { kernel: Kernel['kind'] }

export function hasFeatures<P extends SvmParameters>(p: P): p is P & FeatureParameters {
  return p.kernel !== 'precomputed'
}

/**
 * Checks that X is square if the kernel is precomputed.
 *
 * @throws {SoftmarginError} `SHAPE_MISMATCH` for a precomputed kernel matrix that is not square
 */
export function checkPrecomputedIsSquare(p: SvmParameters, X: Matrix): void {
  if (!hasFeatures(p) && X.cols !== X.rows) {
    throw shapeMismatch('X', `${X.rows} x ${X.cols}`, "as many columns as rows if kernel is 'precomputed'")
  }
}

/**
 * Checks X and returns the kernel with gamma resolved to a number, and the column statistics of X.
 *
 * @throws {SoftmarginError} `NOT_FINITE`, `SHAPE_MISMATCH` as `checkWidth`, `ABORTED`, `HOST_UNSUPPORTED`
 */
export async function kernelFor(
  p: SvmParameters,
  X: Matrix,
  timeSlice: TimeSlice,
): Promise<{ kernel: SvmKernel; survey: ColumnStats }> {
  const survey = await columnStatsOf(X, p.simd, timeSlice)
  // The statistics only show that some value is not finite; this throws an error that names its row and column.
  if (!survey.isFinite) checkFiniteRows(X, 0, X.rows)
  checkPrecomputedIsSquare(p, X)
  if (!hasFeatures(p)) return { kernel: { kind: 'precomputed', columns: X.cols }, survey }
  return { kernel: kernelOf(p, X.cols, survey.variance), survey }
}

/**
 * Returns the kernel with gamma as a number.
 *
 * @param columns of X
 * @param variance of X, for gamma `'scale'`, which is 1 if X is constant, as in scikit-learn
 */
export function kernelOf({ kernel, ...p }: FeatureParameters, columns: number, variance: number): Kernel {
  const { coef0, degree } = p
  let gamma = autoGamma(p.gamma, columns)
  if (gamma === 'scale') gamma = variance > 0 ? 1 / (columns * variance) : 1
  return { kind: kernel, gamma, coef0, degree }
}

/** Returns the value of gamma `'auto'`, and other gammas as they are. */
export function autoGamma(gamma: SvmParameters['gamma'], columns: number): number | 'scale' {
  return gamma === 'auto' ? 1 / columns : gamma
}
