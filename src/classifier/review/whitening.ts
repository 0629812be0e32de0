// Coordinates in which the rows of a class have the identity as covariance.

import type { EncodedLabels } from '../../core/label-codes.ts'
import type { Matrix } from '../../core/matrix.ts'

/** The mean of each class's rows, and the number of these. */
export function classCentres(
  X: Matrix,
  { classes, codes }: EncodedLabels,
): { centres: Float64Array[]; sizes: Float64Array } {
  const centres = classes.map(() => new Float64Array(X.cols))
  const sizes = new Float64Array(classes.length)
  for (const [row, code] of codes.entries()) {
    sizes[code]++
    const own = X.row(row)
    for (let f = 0; f < X.cols; f++) centres[code][f] += own[f]
  }
  for (const [code, centre] of centres.entries()) for (let f = 0; f < X.cols; f++) centre[f] /= sizes[code]
  return { centres, sizes }
}

/** The mean of some rows of equal length. */
export function meanOfRows(rows: readonly Float64Array[]): Float64Array {
  const mean = new Float64Array(rows[0].length)
  for (const row of rows) for (let f = 0; f < mean.length; f++) mean[f] += row[f] / rows.length
  return mean
}

/**
 * The pooled covariance within classes, shrunk towards its diagonal; only the lower triangle is filled.
 *
 * @param shrinkage the share, 0 to 1, that covariances of two features lose
 */
export function withinCovariance(
  X: Matrix,
  { classes, codes }: EncodedLabels,
  centres: Float64Array[],
  shrinkage: number,
): Float64Array {
  const features = X.cols
  const sums = new Float64Array(features * features)
  const rest = new Float64Array(features)
  for (const [row, code] of codes.entries()) {
    const own = X.row(row)
    for (let f = 0; f < features; f++) rest[f] = own[f] - centres[code][f]
    for (let f = 0; f < features; f++) {
      const at = f * features
      for (let g = 0; g <= f; g++) sums[at + g] += rest[f] * rest[g]
    }
  }
  const freedom = Math.max(1, X.rows - classes.length)
  let trace = 0
  for (let f = 0; f < features; f++) trace += sums[f * features + f] / freedom
  // A feature that never varies within a class gets a variance that is small beside the others'.
  const least = (1e-6 * trace) / features || 1
  for (let f = 0; f < features; f++) {
    for (let g = 0; g <= f; g++) {
      const share = f === g ? 1 : 1 - shrinkage
      sums[f * features + g] *= share / freedom
    }
    sums[f * features + f] += least
  }
  return sums
}

/**
 * For a covariance C = L L', the matrix inverse(L)', F x F: rows multiplied by it have the identity as covariance.
 *
 * @param covariance its lower triangle; it is overwritten
 */
export function inverseFactor(covariance: Float64Array, size: number): Float32Array {
  const factor = covariance
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = factor[i * size + j]
      for (let k = 0; k < j; k++) sum -= factor[i * size + k] * factor[j * size + k]
      factor[i * size + j] = i === j ? Math.sqrt(sum) : sum / factor[j * size + j]
    }
  }
  // Row j of the result is column j of inverse(L), found by forward substitution.
  const inverse = new Float32Array(size * size)
  const column = new Float64Array(size)
  for (let j = 0; j < size; j++) {
    for (let i = j; i < size; i++) {
      let sum = i === j ? 1 : 0
      for (let k = j; k < i; k++) sum -= factor[i * size + k] * column[k]
      column[i] = sum / factor[i * size + i]
      inverse[j * size + i] = column[i]
    }
  }
  return inverse
}
