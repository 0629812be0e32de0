// Decides whether kernel values must be computed in float64 because they are too close together for float32.

import type { Matrix } from '../../core/matrix.ts'
import type { ColumnStats } from './column-stats.ts'
import { type Kernel, mayCentre, type PreciseKernel, powerOfTwoScale, rescaled } from './kernel.ts'

/** Number of sampled rows, and the distances within the sample at which rows are compared. */
const SAMPLE_ROWS = 64
const LAGS = [1, 2, 3]
/** Kernel values that differ by less than this fraction of their magnitude are close: 17 bits of float32 remain. */
const MIN_RELATIVE_DIFFERENCE = 2 ** -7
/** gamma |x|^2 above which rounding errors of squared distances matter in an rbf kernel (0.2 % at this value). */
const MAX_GAMMA_NORM = 2 ** 13
/** Range of the normal float32 numbers. */
const MIN_NORMAL_FLOAT32 = 2 ** -126
const MAX_FLOAT32_POWER = 2 ** 127

/**
 * Decides whether kernel values between the rows of X are so close together that they must be computed in float64, and
 * what is subtracted from them. Looks at a fixed, evenly spaced sample of rows.
 *
 * @param o.centred whether rows of a linear or rbf kernel would otherwise be centred at the column means
 * @param o.forced whether to use float64 in any case; default false
 * @returns undefined if float32 is sufficient
 */
export function preciseKernel(
  X: Matrix,
  kernel: Kernel,
  { largest, columnMeans }: ColumnStats,
  o: { centred: boolean; forced?: boolean },
): PreciseKernel | undefined {
  const { kind, gamma, coef0, degree } = kernel
  if (kind === 'poly' && degree === 0) return undefined
  const { forced = false } = o
  const count = Math.min(SAMPLE_ROWS, X.rows)
  const rows = Array.from({ length: count }, (_, k) => X.row(Math.floor((k * X.rows) / count)))
  const distances: number[] = []
  for (const lag of LAGS) {
    for (let k = lag; k < count; k++) distances.push(squaredDistance(rows[k], rows[k - lag]))
  }
  // Identical rows are excluded: no precision can separate them.
  const between =
    quantile(
      distances.filter((distance) => distance > 0),
      0.25,
    ) ?? (forced ? 0 : undefined)
  if (between === undefined) return undefined
  const about = mayCentre(kind) && o.centred ? columnMeans : new Float32Array(X.cols)
  const size = quantile(
    rows.map((row) => squaredDistance(row, about)),
    0.5,
  )!
  const isLost = (part: number, base: number) =>
    part < MIN_RELATIVE_DIFFERENCE * base || !fits(kernel, largest)
  if (kind === 'rbf') {
    // Subtracting 1 gains precision as long as most of the differences are small.
    const lessOne = gamma * between < 0.5
    const lost = gamma * size > MAX_GAMMA_NORM || isLost(gamma * between, 1)
    return lost || forced ? { lessOne, origin: undefined } : undefined
  }
  const lost =
    kind === 'linear'
      ? isLost(between / 2, size)
      : isLost((gamma * between) / 2, gamma * size + Math.abs(coef0))
  if (!lost && !forced) return undefined
  return { lessOne: false, origin: medianOf(rows, X.cols) }
}

/** Whether gamma, adjusted for scaled rows, is a normal float32. */
function fits(kernel: Kernel, largest: number): boolean {
  if (kernel.kind === 'linear') return true
  const { gamma } = rescaled(kernel, powerOfTwoScale(largest))
  return gamma >= MIN_NORMAL_FLOAT32 && gamma < MAX_FLOAT32_POWER
}

function squaredDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let k = 0; k < a.length; k++) sum += (a[k] - b[k]) * (a[k] - b[k])
  return sum
}

function quantile(values: number[], share: number): number | undefined {
  return values.sort((a, b) => a - b)[Math.floor(values.length * share)]
}

/** The median of each column, which is robust to a few outlying rows. */
function medianOf(rows: Float32Array[], columns: number): Float32Array {
  const values = new Float32Array(rows.length)
  return Float32Array.from({ length: columns }, (_, k) => {
    for (const [r, row] of rows.entries()) values[r] = row[k]
    return values.sort()[values.length >> 1]
  })
}
