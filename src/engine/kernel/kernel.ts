// Kernel types, and the conditioning of rows that keeps their float32 values accurate.

import { SoftmarginError } from '../../core/errors.ts'
import type { Matrix } from '../../core/matrix.ts'
import { KERNEL, LINEAR, POLY, RBF, SIGMOID } from '../wasm/bindings.ts'
import type { Engine } from '../wasm/engine.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import { type ColumnStats, columnStats } from './column-stats.ts'

/** A kernel with all parameters as numbers: `gamma` is resolved. Formulas: see assembly/kernel.ts. */
export interface Kernel {
  kind: 'linear' | 'poly' | 'rbf' | 'sigmoid'
  gamma: number
  coef0: number
  degree: number
}

/** A precomputed kernel: kernel values are passed in instead of feature rows. */
export interface PrecomputedKernel {
  kind: 'precomputed'
  /** Number of training rows: a row to predict consists of its kernel values with each of them. */
  columns: number
}

/** Any kernel that an SVM may use. */
export type SvmKernel = Kernel | PrecomputedKernel

/** The parameters that each kernel uses. */
export const KERNEL_PARAMETERS = {
  linear: [],
  poly: ['gamma', 'coef0', 'degree'],
  rbf: ['gamma'],
  sigmoid: ['gamma', 'coef0'],
} as const satisfies Record<Kernel['kind'], readonly (keyof Kernel)[]>

/** The code of each kernel in assembly/kernel.ts. */
export const KERNEL_CODES = { linear: LINEAR, poly: POLY, rbf: RBF, sigmoid: SIGMOID } as const

/**
 * Stores a kernel in the engine's memory, as its functions take it, and returns the address.
 *
 * @param lessOne whether 1 is subtracted from an rbf kernel in float64. Default false
 */
export function storeKernel(engine: Engine, { kind, gamma, coef0, degree }: Kernel, lessOne = false): number {
  const address = engine.allocate(KERNEL.bytes)
  engine.setInt32(address + KERNEL.kind, KERNEL_CODES[kind])
  engine.setInt32(address + KERNEL.degree, degree)
  engine.setFloat64(address + KERNEL.gamma, gamma)
  engine.setFloat64(address + KERNEL.coef0, coef0)
  engine.setInt32(address + KERNEL.lessOne, Number(lessOne))
  return address
}

/**
 * How rows are shifted and scaled when they are copied into the engine, so that float32 products stay accurate.
 *
 * - `centre` (rbf, linear), one value per column: distances do not change, and neither does the dual of a linear
 *   kernel, because its coefficients sum to 0. Without centring, |x|^2 + |z|^2 - 2 x.z loses everything that is small
 *   compared with the mean.
 * - `scale`: a power of two (so scaling is exact), from `powerOfTwoScale`.
 */
export interface Conditioning {
  centre: Float32Array | undefined
  scale: number
  /** Set if float32 products would not distinguish rows; then `centre` is undefined. */
  precise?: PreciseKernel | undefined
}

/**
 * How kernel values are computed in float64, and what is subtracted before they are rounded to float32
 * (assembly/precise.ts). If the coefficients of an expansion sum to 0, a function of either row may be subtracted: the
 * dual does not change, and rho changes by a constant.
 */
export interface PreciseKernel {
  /** rbf: whether 1 is subtracted. */
  lessOne: boolean
  /**
   * Other kernels: h(x) + h(z) is subtracted from K(x, z), where h(x) = K(x, origin) - K(origin, origin) / 2. For a
   * linear kernel the result is (x - origin).(z - origin).
   */
  origin: Float32Array | undefined
}

/** Whether rows may be centred, if b sums to 0: see `Conditioning`. */
export function mayCentre(kind: Kernel['kind']): boolean {
  return kind === 'rbf' || kind === 'linear'
}

/** The conditioning for the rows of X and this kind of kernel. @throws {SoftmarginError} `ABORTED` */
export async function conditioningOf(
  engine: Engine,
  X: Matrix,
  kind: Kernel['kind'],
  timeSlice: TimeSlice,
): Promise<Conditioning> {
  return conditioningFromStats(await columnStats(engine, X, timeSlice), kind)
}

/** Like `conditioningOf`, from column statistics that are already known. */
export function conditioningFromStats(
  { columnMeans, largest }: ColumnStats,
  kind: Kernel['kind'],
): Conditioning {
  const centre = mayCentre(kind) ? Float32Array.from(columnMeans) : undefined
  return { centre, scale: powerOfTwoScale(largest) }
}

/**
 * The power of two that scales the largest absolute value into [1, 2); 1 if it is 0. It keeps squares far from the
 * limits of float32 and makes the solver's small constants independent of the unit of the features.
 */
export function powerOfTwoScale(largest: number): number {
  let scale = 1
  if (largest > 0) {
    while (largest * scale >= 2) scale /= 2
    while (largest * scale < 1) scale *= 2
  }
  return scale
}

/** The kernel that has the same values on scaled rows (linear: see `unitOf`). */
export function rescaled(kernel: Kernel, scale: number): Kernel {
  return scale === 1 ? kernel : { ...kernel, gamma: kernel.gamma / scale / scale }
}

/** The factor by which the values of a kernel are larger on scaled rows: only those of a linear kernel are. */
export function unitOf({ kind }: Kernel, scale: number): number {
  return kind === 'linear' ? scale * scale : 1
}

/** The error for kernel values, or sums of them, that exceed the range of float32. */
export function beyondFloat32(): SoftmarginError {
  return new SoftmarginError(
    'INVALID_ARGUMENT',
    'the kernel values of X exceed the range of float32; scale X, or use a smaller gamma, coef0 or degree',
    { argument: 'X', expected: 'rows whose kernel values are finite' },
  )
}
