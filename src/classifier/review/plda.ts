import { log } from '../../core/exp-log.ts'
import type { EncodedLabels } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { KnownNumbers } from '../../onnx/classifier/read-steps.ts'

/** Shrinkage of the within-class covariance towards its diagonal. Chosen on photos and digits: see bench/unknown.js. */
const SHRINKAGE = 0.5
/** Between-class variance as a multiple of the within-class variance. Chosen in the same way. */
const BETWEEN = 0.3

/**
 * Fits probabilistic linear discriminant analysis (PLDA; S. Ioffe, ECCV 2006) with one within-class covariance, shrunk
 * towards its diagonal, and a between-class covariance that is a multiple of it. The model gives, for each row and class,
 * the log likelihood ratio of the row coming from that class rather than from an unseen one, divided by the number of
 * features.
 *
 * @param X unscaled features; each class has at least one row
 * @returns the scores' numbers, with no threshold in `offset` yet: `fitNoveltyScore` subtracts it
 */
export function fitPlda(X: Matrix, labels: EncodedLabels): KnownNumbers {
  const features = X.cols
  const count = labels.classes.length
  const { centres, sizes } = classCentres(X, labels)
  const mean = new Float64Array(features)
  for (const centre of centres) for (let f = 0; f < features; f++) mean[f] += centre[f] / count
  const whiten = inverseFactor(withinCovariance(X, labels, centres), features)
  const linear = new Float32Array(features * count)
  const quadratic = new Float32Array(count)
  const offset = new Float32Array(count)
  const centred = new Float64Array(features)
  for (let c = 0; c < count; c++) {
    const evidence = sizes[c] * BETWEEN
    // The variance of a new row of the class, given its rows.
    const variance = 1 + BETWEEN / (1 + evidence)
    for (let f = 0; f < features; f++) centred[f] = centres[c][f] - mean[f]
    const white = times(centred, whiten)
    let square = 0
    for (let f = 0; f < features; f++) {
      const posteriorMean = (white[f] * evidence) / (1 + evidence)
      linear[f * count + c] = posteriorMean / variance / features
      square += posteriorMean * posteriorMean
    }
    quadratic[c] = (1 / (1 + BETWEEN) - 1 / variance) / 2 / features
    offset[c] = (log((1 + BETWEEN) / variance) - square / variance / features) / 2
  }
  return { mean, whiten, linear, quadratic, offset }
}

/** Log likelihood ratios per feature, minus the thresholds that `offset` includes; rows x classes. */
export function logLikelihoodRatios(known: KnownNumbers, X: Matrix): Float64Array {
  const { mean, whiten, linear, quadratic, offset } = known
  const [features, count] = [mean.length, offset.length]
  const scores = new Float64Array(X.rows * count)
  const centred = new Float64Array(features)
  for (let row = 0; row < X.rows; row++) {
    const own = X.row(row)
    for (let f = 0; f < features; f++) centred[f] = own[f] - mean[f]
    const white = times(centred, whiten)
    let norm = 0
    for (const value of white) norm += value * value
    for (let c = 0; c < count; c++) {
      let score = quadratic[c] * norm + offset[c]
      for (let f = 0; f < features; f++) score += white[f] * linear[f * count + c]
      scores[row * count + c] = score
    }
  }
  return scores
}

/** The greatest value of each row of a matrix of rows x `classes`. */
export function maxOfRows(scores: Float64Array, classes: number): Float64Array {
  return Float64Array.from({ length: scores.length / classes }, (_, row) =>
    Math.max(...scores.subarray(row * classes, (row + 1) * classes)),
  )
}

function classCentres(X: Matrix, { classes, codes }: EncodedLabels) {
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

/** The pooled covariance within classes, shrunk towards its diagonal; only the lower triangle is filled. */
function withinCovariance(
  X: Matrix,
  { classes, codes }: EncodedLabels,
  centres: Float64Array[],
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
      const share = f === g ? 1 : 1 - SHRINKAGE
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
function inverseFactor(covariance: Float64Array, size: number): Float32Array {
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

/** A row times a square matrix. */
function times(row: Float64Array, matrix: Float32Array): Float64Array {
  const size = row.length
  const product = new Float64Array(size)
  for (let f = 0; f < size; f++) {
    // The matrix is upper triangular.
    for (let g = f, at = f * size + f; g < size; g++, at++) product[g] += row[f] * matrix[at]
  }
  return product
}
