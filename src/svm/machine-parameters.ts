import type { Kernel, MachineKernel } from '../engine/kernel.ts'
import type { Simd } from '../engine/module.ts'
import type { Pace } from '../engine/pace.ts'
import { invalidArgument, shapeMismatch } from '../errors.ts'
import type { Matrix } from '../matrix.ts'

/** Options of every machine, with scikit-learn's names and defaults. */
export interface MachineOptions {
  /** Default `'rbf'`. With `'precomputed'`, X holds kernel values: rows x rows to fit, rows x rows of the fit after. */
  kernel?: MachineKernel['kind']
  /**
   * Width of the rbf, poly and sigmoid kernels, above 0. `'scale'` (default) is 1 / (columns * variance of X),
   * `'auto'` is 1 / columns.
   */
  gamma?: 'scale' | 'auto' | number
  /** Degree of the poly kernel, an integer of 0 or more. Default 3. */
  degree?: number
  /** Constant of the poly and sigmoid kernels. Default 0. */
  coef0?: number
  /** Largest violation of the optimality conditions that ends a fit, above 0. Default 1e-3. */
  tol?: number
  /** Iterations of a problem (an `SVC` has one a pair of classes), -1 (default) without a limit. */
  maxIter?: number
  /** Memory for kernel values in MB. Default: what the host can give. */
  cacheSize?: number | undefined
  /**
   * Build of the engine: `'strict'` (default) gives the same bits on every host, `'relaxed'` is faster where the
   * host has fused multiply-adds.
   */
  simd?: Simd
}

/** The options of every machine with their values. */
export type MachineParameters = Required<Omit<MachineOptions, 'cacheSize'>> & {
  cacheSize: MachineOptions['cacheSize']
}

export const MACHINE_DEFAULTS: MachineParameters = {
  kernel: 'rbf',
  gamma: 'scale',
  degree: 3,
  coef0: 0,
  tol: 1e-3,
  maxIter: -1,
  cacheSize: undefined,
  simd: 'strict',
}

const KERNELS = ['linear', 'poly', 'rbf', 'sigmoid', 'precomputed']

/**
 * Fills in the defaults and checks the options that every machine has.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`, also for names that are not in `defaults`
 */
export function machineParameters<P extends MachineParameters>(options: Partial<P>, defaults: P): P {
  if (options === null || typeof options !== 'object') {
    throw invalidArgument('options', options, 'an object')
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  for (const [name] of given) {
    if (!(name in defaults)) {
      throw invalidArgument('options', name, `made of ${Object.keys(defaults).join(', ')}`)
    }
  }
  const p: P = { ...defaults, ...Object.fromEntries(given) }
  if (!KERNELS.includes(p.kernel)) throw invalidArgument('kernel', p.kernel, `one of ${KERNELS.join(', ')}`)
  checkPositive('tol', p.tol)
  if (p.gamma !== 'scale' && p.gamma !== 'auto') {
    if (!isPositive(p.gamma)) throw invalidArgument('gamma', p.gamma, "'scale', 'auto' or a number above 0")
  }
  if (!Number.isInteger(p.degree) || p.degree < 0) {
    throw invalidArgument('degree', p.degree, 'an integer of 0 or more')
  }
  if (!Number.isFinite(p.coef0)) throw invalidArgument('coef0', p.coef0, 'a finite number')
  if (!Number.isInteger(p.maxIter) || p.maxIter < -1 || p.maxIter === 0) {
    throw invalidArgument('maxIter', p.maxIter, 'an integer above 0, or -1 for no limit')
  }
  if (p.cacheSize !== undefined) checkPositive('cacheSize', p.cacheSize)
  if (p.simd !== 'strict' && p.simd !== 'relaxed') {
    throw invalidArgument('simd', p.simd, "'strict' or 'relaxed'")
  }
  return p
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` for anything but a number above 0 */
export function checkPositive(name: string, value: unknown): void {
  if (!isPositive(value)) throw invalidArgument(name, value, 'a number above 0')
}

/** Parameters of a machine whose X holds features. */
export type FeatureParameters = MachineParameters & { kernel: Kernel['kind'] }

export function hasFeatures<P extends MachineParameters>(p: P): p is P & FeatureParameters {
  return p.kernel !== 'precomputed'
}

/**
 * Checks that X can be fitted on.
 *
 * @throws {SoftmarginError} `SHAPE_MISMATCH` for precomputed kernel values that are no square
 */
export function checkWidth(p: MachineParameters, X: Matrix): void {
  if (!hasFeatures(p) && X.cols !== X.rows) {
    throw shapeMismatch('X', `${X.rows} x ${X.cols}`, "as many columns as rows, for kernel is 'precomputed'")
  }
}

/**
 * What the machine decides by once it is fitted on X.
 *
 * @throws {SoftmarginError} `SHAPE_MISMATCH` as `checkWidth`, `ABORTED`
 */
export async function kernelFor(p: MachineParameters, X: Matrix, pace: Pace): Promise<MachineKernel> {
  checkWidth(p, X)
  if (hasFeatures(p)) return kernelOf(p, await resolveGamma(p.gamma, X, pace))
  return { kind: 'precomputed', columns: X.cols }
}

/** The kernel with gamma as a number. */
export function kernelOf({ kernel, coef0, degree }: FeatureParameters, gamma: number): Kernel {
  return { kind: kernel, gamma, coef0, degree }
}

/** The sum of (data[i] - mean), or of its squares. Four sums at a time: one would wait for each of its additions. */
function sumOfPowers(data: Float32Array, from: number, to: number, mean: number, power: 1 | 2): number {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  let i = from
  for (; i + 4 <= to; i += 4) {
    const p = data[i] - mean
    const q = data[i + 1] - mean
    const r = data[i + 2] - mean
    const s = data[i + 3] - mean
    a += power === 1 ? p : p * p
    b += power === 1 ? q : q * q
    c += power === 1 ? r : r * r
    d += power === 1 ? s : s * s
  }
  for (; i < to; i++) a += power === 1 ? data[i] - mean : (data[i] - mean) * (data[i] - mean)
  return a + b + (c + d)
}

/** The number that gamma stands for. `'scale'` of a constant X is 1, as in scikit-learn. */
export async function resolveGamma(
  gamma: MachineParameters['gamma'],
  X: Matrix,
  pace: Pace,
): Promise<number> {
  if (typeof gamma === 'number') return gamma
  if (gamma === 'auto') return 1 / X.cols
  const { data } = X
  let sum = 0
  await pace.inPieces(X.rows, X.cols, (from, to) => {
    sum += sumOfPowers(data, from * X.cols, to * X.cols, 0, 1)
  })
  const mean = sum / data.length
  let squares = 0
  await pace.inPieces(X.rows, X.cols, (from, to) => {
    squares += sumOfPowers(data, from * X.cols, to * X.cols, mean, 2)
  })
  return squares > 0 ? 1 / ((X.cols * squares) / data.length) : 1
}
