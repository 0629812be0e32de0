import { invalidArgument } from '../../core/errors.ts'
import { checkKnownOptions } from '../../core/known-options.ts'
import type { SvmKernel } from '../../engine/kernel/kernel.ts'
import type { Simd } from '../../engine/wasm/module.ts'

/** Options common to all SVMs, with scikit-learn's names and defaults. */
export interface SvmOptions {
  /**
   * The kernel. With `'precomputed'`, X holds kernel values: rows x rows in `fit`, and rows x rows of the fit when
   * predicting. Default `'rbf'`.
   */
  kernel?: SvmKernel['kind'] | undefined
  /**
   * Coefficient of the rbf, poly and sigmoid kernels, above 0 and within float32. `'scale'` (default) is 1 / (columns
   * * variance of X), `'auto'` is 1 / columns.
   */
  gamma?: 'scale' | 'auto' | number | undefined
  /** Degree of the poly kernel, an integer from 0 to 2^24. Default 3. */
  degree?: number | undefined
  /** Constant term of the poly and sigmoid kernels, within float32. Default 0. */
  coef0?: number | undefined
  /** Stopping tolerance: the largest accepted violation of the optimality conditions, above 0. Default 1e-3. */
  tol?: number | undefined
  /**
   * Limit on the solver iterations of each problem (an `SVC` solves one per pair of classes); -1 (default) for no
   * limit.
   */
  maxIter?: number | undefined
  /**
   * Memory for kernel values in MB, above 0. Default 1024, on every host. Kernel values that do not fit are
   * recomputed when they are needed, and the solver prefers rows that are cached, so it takes another path. Fits with
   * different `cacheSize`, or on a host that provides less memory, have the same bits only if everything fits;
   * otherwise they agree within `tol`. For an `SVC` with classes of n1 >= n2 >= ... rows, both 4 (n1 + n2)^2 bytes
   * and 4 (n1^2 + n2^2 + ... + 2 n1^2) bytes must fit; for an `SVR` or a `OneClassSVM` of n rows, 4 n^2 bytes; for
   * the candidates of a search, 4 n^2 bytes and the rows.
   */
  cacheSize?: number | undefined
  /**
   * Build of the WebAssembly engine. `'strict'` (default) returns the same bits on every host; `'relaxed'` is faster
   * where the host has fused multiply-add.
   */
  simd?: Simd | undefined
}

/**
 * Options with every value filled in. Unlike `Required`, it also removes `undefined` from the value types for callers
 * who compile with `exactOptionalPropertyTypes`.
 */
export type FilledIn<Options> = { [Name in keyof Options]-?: Exclude<Options[Name], undefined> }

/** The options common to all SVMs, with their values. */
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

/** Smallest and largest normal numbers of float32. */
const MIN_FLOAT32 = 2 ** -126
const MAX_FLOAT32 = (2 - 2 ** -23) * 2 ** 127
/** Integers up to this one are exact in float32, the type in which an ONNX file holds the degree. */
const MAX_DEGREE = 2 ** 24

const KERNELS = ['linear', 'poly', 'rbf', 'sigmoid', 'precomputed']

/**
 * Fills in the defaults and checks the options common to all SVMs.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`, also for names that are not in `defaults`
 */
export function svmParameters<P extends SvmParameters>(options: Partial<P>, defaults: P): P {
  if (options === null || typeof options !== 'object') {
    throw invalidArgument('options', options, 'an object')
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  checkKnownOptions(options, Object.keys(defaults))
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
    throw invalidArgument('degree', p.degree, `an integer from 0 to ${MAX_DEGREE}`)
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
  return isPositive(value) && value >= MIN_FLOAT32 && value <= MAX_FLOAT32
}

export function isDegree(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_DEGREE
}

export function isFloat32(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= MAX_FLOAT32
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` unless the value is a finite number above 0 */
export function checkPositive(name: string, value: unknown): void {
  if (!isPositive(value)) throw invalidArgument(name, value, 'a number above 0')
}
