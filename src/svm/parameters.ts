import type { Kernel } from '../engine/kernel.ts'
import type { Simd } from '../engine/module.ts'
import { invalidArgument } from '../errors.ts'
import type { Matrix } from '../matrix.ts'
import type { Label } from './labels.ts'

/** Options of an `SVC`, with scikit-learn's names and defaults. */
export interface SvcOptions {
  /** Default `'rbf'`. */
  kernel?: Kernel['kind']
  /** Cost of a row on the wrong side, above 0. Default 1. */
  C?: number
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
  /** Factor of C for each class, by label; `'balanced'` is rows / (classes * rows of the class). Default 1. */
  classWeight?: 'balanced' | Record<string, number> | undefined
  /** Iterations a pair of classes, -1 (default) without a limit. */
  maxIter?: number
  /** Memory for kernel values in MB. Default: what the host can give. */
  cacheSize?: number | undefined
  /**
   * Build of the engine: `'strict'` (default) gives the same bits on every host, `'relaxed'` is faster where the
   * host has fused multiply-adds.
   */
  simd?: Simd
  /**
   * Threads of a long fit or search, on hosts that let threads share memory. Default: one for each core. The
   * results have the same bits whatever the number.
   */
  threads?: number | undefined
}

/** All options with their values. */
export type SvcParameters = Required<Omit<SvcOptions, 'classWeight' | 'cacheSize' | 'threads'>> & {
  classWeight: SvcOptions['classWeight']
  cacheSize: SvcOptions['cacheSize']
  threads: SvcOptions['threads']
}

const DEFAULTS: SvcParameters = {
  kernel: 'rbf',
  C: 1,
  gamma: 'scale',
  degree: 3,
  coef0: 0,
  tol: 1e-3,
  classWeight: undefined,
  maxIter: -1,
  cacheSize: undefined,
  simd: 'strict',
  threads: undefined,
}

const KERNELS = ['linear', 'poly', 'rbf', 'sigmoid']

/**
 * Fills in the defaults and checks every value.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`
 */
export function svcParameters(options: SvcOptions): SvcParameters {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  for (const [name] of given) {
    if (!(name in DEFAULTS)) {
      throw invalidArgument('options', name, `made of ${Object.keys(DEFAULTS).join(', ')}`)
    }
  }
  const p: SvcParameters = { ...DEFAULTS, ...Object.fromEntries(given) }
  if (!KERNELS.includes(p.kernel)) throw invalidArgument('kernel', p.kernel, `one of ${KERNELS.join(', ')}`)
  checkPositive('C', p.C)
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
  if (p.threads !== undefined && (!Number.isInteger(p.threads) || p.threads < 1)) {
    throw invalidArgument('threads', p.threads, 'an integer of 1 or more')
  }
  if (p.simd !== 'strict' && p.simd !== 'relaxed') {
    throw invalidArgument('simd', p.simd, "'strict' or 'relaxed'")
  }
  checkClassWeight(p.classWeight)
  return p
}

function checkClassWeight(weight: SvcParameters['classWeight']): void {
  if (weight === undefined || weight === 'balanced') return
  if (weight === null || typeof weight !== 'object') {
    throw invalidArgument('classWeight', weight, "'balanced' or an object of factors by label")
  }
  for (const [label, factor] of Object.entries(weight)) checkPositive(`classWeight['${label}']`, factor)
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY
}

function checkPositive(name: string, value: unknown): void {
  if (!isPositive(value)) throw invalidArgument(name, value, 'a number above 0')
}

/**
 * The factor of C of each class.
 *
 * @param counts rows of each class
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for a label that is not in `classes`
 */
export function classWeights(
  classWeight: SvcParameters['classWeight'],
  classes: readonly Label[],
  counts: readonly number[],
): number[] {
  if (classWeight === undefined) return classes.map(() => 1)
  if (classWeight === 'balanced') {
    const present = counts.filter((count) => count > 0)
    const rows = present.reduce((sum, count) => sum + count, 0)
    return counts.map((count) => (count > 0 ? rows / (present.length * count) : 0))
  }
  const known = new Set(classes.map(String))
  for (const label of Object.keys(classWeight)) {
    if (!known.has(label)) {
      throw invalidArgument('classWeight', label, `made of the labels in y: ${[...known].join(', ')}`)
    }
  }
  return classes.map((label) => classWeight[String(label)] ?? 1)
}

/** The kernel with gamma as a number. `'scale'` of a constant X is 1, as in scikit-learn. */
export function resolveKernel(p: SvcParameters, X: Matrix): Kernel {
  return { kind: p.kernel, gamma: resolveGamma(p.gamma, X), coef0: p.coef0, degree: p.degree }
}

function resolveGamma(gamma: SvcParameters['gamma'], X: Matrix): number {
  if (typeof gamma === 'number') return gamma
  if (gamma === 'auto') return 1 / X.cols
  const { data } = X
  let sum = 0
  for (let i = 0; i < data.length; i++) sum += data[i]
  const mean = sum / data.length
  let squares = 0
  for (let i = 0; i < data.length; i++) squares += (data[i] - mean) * (data[i] - mean)
  return squares > 0 ? 1 / ((X.cols * squares) / data.length) : 1
}
