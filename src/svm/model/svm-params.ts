import { invalidArgument, shapeMismatch } from '../../core/errors.ts'
import { checkFiniteRows, type Matrix } from '../../core/matrix.ts'
import { type ColumnStats, columnStatsOf } from '../../engine/kernel/column-stats.ts'
import type { Kernel, SvmKernel } from '../../engine/kernel/kernel.ts'
import type { Simd } from '../../engine/wasm/module.ts'
import type { TimeSlice } from '../../engine/wasm/time-slice.ts'

/** Options of every machine, with scikit-learn's names and defaults. */
export interface SvmOptions {
  /** Default `'rbf'`. With `'precomputed'`, X holds kernel values: rows x rows to fit, rows x rows of the fit after. */
  kernel?: SvmKernel['kind'] | undefined
  /**
   * Width of the rbf, poly and sigmoid kernels, above 0, within float32. `'scale'` (default) is 1 / (columns * variance of X),
   * `'auto'` is 1 / columns.
   */
  gamma?: 'scale' | 'auto' | number | undefined
  /** Degree of the poly kernel, an integer from 0 to 2^24. Default 3. */
  degree?: number | undefined
  /** Constant of the poly and sigmoid kernels, within float32. Default 0. */
  coef0?: number | undefined
  /** Largest violation of the optimality conditions that ends a fit, above 0. Default 1e-3. */
  tol?: number | undefined
  /** Iterations of a problem (an `SVC` has one a pair of classes), -1 (default) without a limit. */
  maxIter?: number | undefined
  /**
   * Memory for kernel values in MB, above 0. Default 1024, on every host. Kernel values that do not fit are made again
   * when they are needed, and the solver prefers rows that are there: so it takes another path. Fits with another
   * `cacheSize`, or on a host that gives less memory, have the same bits only as long as everything fits; else they agree
   * within `tol`. With classes of n1 >= n2 >= ... rows, 4 (n1 + n2)^2 bytes and 4 (n1^2 + n2^2 + ... + 2 n1^2) bytes must
   * fit for an `SVC`; for an `SVR` or a `OneClassSVM` of n rows 4 n^2; for the candidates of a search 4 n^2 and the rows.
   */
  cacheSize?: number | undefined
  /**
   * Build of the engine: `'strict'` (default) gives the same bits on every host, `'relaxed'` is faster where the
   * host has fused multiply-adds.
   */
  simd?: Simd | undefined
}

/**
 * Options with every value filled in. `Required` would leave `undefined` in them for callers who compile with
 * `exactOptionalPropertyTypes`.
 */
export type FilledIn<Options> = { [Name in keyof Options]-?: Exclude<Options[Name], undefined> }

/** The options of every machine with their values. */
export type SvmParameters = FilledIn<Omit<SvmOptions, 'cacheSize'>> & {
  cacheSize: SvmOptions['cacheSize']
}

export const SVM_DEFAULTS: SvmParameters = {
  kernel: 'rbf',
  gamma: 'scale',
  degree: 3,
  coef0: 0,
  tol: 1e-3,
  maxIter: -1,
  cacheSize: undefined,
  simd: 'strict',
}

/** The normal numbers of float32. */
const LEAST_FLOAT32 = 2 ** -126
const MOST_FLOAT32 = (2 - 2 ** -23) * 2 ** 127
/** Degrees up to this one are exact in float32, which is what an ONNX file holds. */
const MOST_DEGREE = 2 ** 24

const KERNELS = ['linear', 'poly', 'rbf', 'sigmoid', 'precomputed']

/**
 * Fills in the defaults and checks the options that every machine has.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`, also for names that are not in `defaults`
 */
export function svmParameters<P extends SvmParameters>(options: Partial<P>, defaults: P): P {
  if (options === null || typeof options !== 'object') {
    throw invalidArgument('options', options, 'an object')
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  for (const [name] of given) {
    if (!Object.hasOwn(defaults, name)) {
      throw invalidArgument('options', name, `made of ${Object.keys(defaults).join(', ')}`)
    }
  }
  const p: P = { ...defaults, ...Object.fromEntries(given) }
  if (!KERNELS.includes(p.kernel)) throw invalidArgument('kernel', p.kernel, `one of ${KERNELS.join(', ')}`)
  checkPositive('tol', p.tol)
  if (p.gamma !== 'scale' && p.gamma !== 'auto') {
    if (!isGamma(p.gamma)) {
      const expected = "'scale', 'auto' or a number above 0 that float32 can hold: 1.2e-38 to 3.4e38"
      throw invalidArgument('gamma', p.gamma, expected)
    }
  }
  if (!isDegree(p.degree)) {
    throw invalidArgument('degree', p.degree, `an integer from 0 to ${MOST_DEGREE}`)
  }
  if (!isFloat32(p.coef0)) {
    throw invalidArgument('coef0', p.coef0, 'a finite number that float32 can hold: up to 3.4e38')
  }
  if (!Number.isInteger(p.maxIter) || p.maxIter < -1 || p.maxIter === 0) {
    throw invalidArgument('maxIter', p.maxIter, 'an integer above 0, or -1 for no limit')
  }
  if (p.cacheSize !== undefined) checkPositive('cacheSize', p.cacheSize)
  if (p.simd !== 'strict' && p.simd !== 'relaxed') {
    throw invalidArgument('simd', p.simd, "'strict' or 'relaxed'")
  }
  return p
}

export function isGamma(value: unknown): boolean {
  return isPositive(value) && value >= LEAST_FLOAT32 && value <= MOST_FLOAT32
}

export function isDegree(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST_DEGREE
}

export function isFloat32(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= MOST_FLOAT32
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` for anything but a number above 0 */
export function checkPositive(name: string, value: unknown): void {
  if (!isPositive(value)) throw invalidArgument(name, value, 'a number above 0')
}

/** Parameters of a machine whose X holds features. */
export type FeatureParameters = SvmParameters & { kernel: Kernel['kind'] }

export function hasFeatures<P extends SvmParameters>(p: P): p is P & FeatureParameters {
  return p.kernel !== 'precomputed'
}

/**
 * Checks that X can be fitted on.
 *
 * @throws {SoftmarginError} `SHAPE_MISMATCH` for precomputed kernel values that are no square
 */
export function checkWidth(p: SvmParameters, X: Matrix): void {
  if (!hasFeatures(p) && X.cols !== X.rows) {
    throw shapeMismatch('X', `${X.rows} x ${X.cols}`, "as many columns as rows, for kernel is 'precomputed'")
  }
}

/**
 * Checks that X can be fitted on, and answers what the machine then decides by, and what there is to know of X.
 *
 * @throws {SoftmarginError} `NOT_FINITE`, `SHAPE_MISMATCH` as `checkWidth`, `ABORTED`, `HOST_UNSUPPORTED`
 */
export async function kernelFor(
  p: SvmParameters,
  X: Matrix,
  timeSlice: TimeSlice,
): Promise<{ kernel: SvmKernel; survey: ColumnStats }> {
  const survey = await columnStatsOf(X, p.simd, timeSlice)
  // It is somewhere: this tells where.
  if (!survey.isFinite) checkFiniteRows(X, 0, X.rows)
  checkWidth(p, X)
  if (!hasFeatures(p)) return { kernel: { kind: 'precomputed', columns: X.cols }, survey }
  const { gamma } = p
  const number = gamma === 'scale' ? gammaScale(survey, X.cols) : gamma === 'auto' ? 1 / X.cols : gamma
  return { kernel: kernelOf(p, number), survey }
}

/** The kernel with gamma as a number. */
export function kernelOf({ kernel, coef0, degree }: FeatureParameters, gamma: number): Kernel {
  return { kind: kernel, gamma, coef0, degree }
}

/** The number that gamma 'scale' stands for. That of a constant X is 1, as in scikit-learn. */
export function gammaScale({ variance }: ColumnStats, columns: number): number {
  return variance > 0 ? 1 / (columns * variance) : 1
}
