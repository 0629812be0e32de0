// The score of `unknown` with a background: images of other things than the classes.

import { log } from '../../core/exp-log.ts'
import { type EncodedLabels, rowsOfClasses } from '../../core/label-codes.ts'
import { Matrix } from '../../core/matrix.ts'
import { Random } from '../../core/random.ts'
import type { TimeSlice } from '../../engine/wasm/time-slice.ts'
import type { KnownNumbers } from '../../onnx/classifier/read-steps.ts'
import { kernelRidge } from './kernel-ridge.ts'
import { timesUpper } from './times-upper.ts'
import { classCentres, inverseFactor, meanOfRows, withinCovariance } from './whitening.ts'

// Chosen on photos and digits: see bench/unknown.js.
/** Shrinkage of the covariances towards their diagonals, within the classes and of the background. */
const SHRINKAGE = { classes: 0.9, background: 0.3 }
/** The widths of the two kernels, as multiples of the mean squared distance between rows. */
const WIDTH = { regression: 1, neighbours: 0.04 }
/** The weight of the likelihoods and of the neighbours beside the regression, whose values are about 1 and -1. */
const WEIGHT = 4
/** The ridge of the regression. */
const RIDGE = 0.4
/** Maximum number of rows of the classes that are kept for the two kernels. The others count for means and covariances. */
const MOST_ROWS = 1000

/**
 * Fits the score with a background. It is the sum of three comparisons of a row with the classes and with the
 * background, all in coordinates in which the classes have the identity as covariance:
 *
 * - the log likelihood ratio of normal distributions, one for each class and one for the background;
 * - that of kernel density estimates (log sums over all known rows, and over the background), in which the
 *   nearest neighbours count;
 * - kernel ridge regression on 1 for rows of the class and -1 for all others, where each class and the background have the
 *   same weight in sum.
 *
 * @param X unscaled features; each class has at least one row
 * @param background unscaled features of images of other things
 * @returns the scores' numbers, with no threshold in `offset` yet: `fitNoveltyScore` subtracts it
 * @throws {SoftmarginError} `ABORTED`
 */
export async function fitBackgroundScore(
  X: Matrix,
  labels: EncodedLabels,
  background: Matrix,
  timeSlice: TimeSlice,
): Promise<KnownNumbers> {
  const [features, count] = [X.cols, labels.classes.length]
  const { centres } = classCentres(X, labels)
  const mean = meanOfRows(centres)
  const whiten = inverseFactor(withinCovariance(X, labels, centres, SHRINKAGE.classes), features)
  await timeSlice.yield()
  const others = { classes: [0], codes: new Int32Array(background.rows) }
  const { centres: middle } = classCentres(background, others)
  const covariance = withinCovariance(background, others, middle, SHRINKAGE.background)
  const otherWhiten = inverseFactor(covariance, features)
  await timeSlice.yield()

  const kept = rowsOfEach(labels, MOST_ROWS)
  const near = whitened(X.select(kept), mean, whiten)
  const far = whitened(background, mean, whiten)
  const { coefficients, meanSquare } = await kernelRidge(
    joined(near, far),
    {
      codes: Int32Array.from([...kept.map((row) => labels.codes[row]), ...new Array(far.rows).fill(-1)]),
      count,
      ridge: RIDGE,
    },
    timeSlice,
  )
  const share = WEIGHT / features
  const bandwidth = meanSquare * WIDTH.neighbours
  const linear = new Float32Array(features * count)
  const offset = new Float32Array(count)
  const constant =
    share * (logDiagonal(whiten) - logDiagonal(otherWhiten)) +
    share * bandwidth * (log(far.rows) - log(near.rows))
  const centred = new Float64Array(features)
  for (const [c, centre] of centres.entries()) {
    for (let f = 0; f < features; f++) centred[f] = centre[f] - mean[f]
    const white = timesUpper(centred, whiten)
    let square = 0
    for (let f = 0; f < features; f++) {
      linear[f * count + c] = share * white[f]
      square += white[f] * white[f]
    }
    offset[c] = constant - (share * square) / 2
  }
  const split = near.rows * count
  return {
    ...{ mean, whiten, linear, offset },
    quadratic: new Float32Array(count).fill(-share / 2),
    background: {
      mean: middle[0],
      whiten: otherWhiten,
      near: { rows: near.data, coefficients: coefficients.slice(0, split) },
      far: { rows: far.data, coefficients: coefficients.slice(split) },
      // The file holds these as float32.
      quadratic: Math.fround(share / 2),
      gamma: Math.fround(WIDTH.regression / meanSquare),
      bandwidth: Math.fround(bandwidth),
      neighbours: Math.fround(share * bandwidth),
    },
  }
}

/** The unscaled features of the background that a score was fitted with, up to the rounding of float32. */
export function backgroundRows({ mean, whiten, background }: KnownNumbers): Matrix | undefined {
  if (!background) return undefined
  const features = mean.length
  const { rows } = background.far
  const X = new Matrix(new Float32Array(rows.length), rows.length / features, features)
  const centred = new Float64Array(features)
  for (let row = 0; row < X.rows; row++) {
    const own = X.row(row)
    // `whiten` is upper triangular, so that its columns determine one feature after the other.
    for (let f = 0; f < features; f++) {
      let value = rows[row * features + f]
      for (let g = 0; g < f; g++) value -= centred[g] * whiten[g * features + f]
      centred[f] = value / whiten[f * features + f]
      own[f] = centred[f] + mean[f]
    }
  }
  return X
}

/** At most `most` rows, ascending, drawn with a fixed seed and as evenly from the classes as their sizes allow. */
function rowsOfEach(labels: EncodedLabels, most: number): number[] {
  const random = new Random(0)
  const groups = rowsOfClasses(labels).map((rows) => random.shuffle(Array.from(rows)))
  const largest = Math.max(...groups.map((rows) => rows.length))
  const dealt: number[] = []
  for (let turn = 0; turn < largest && dealt.length < most; turn++) {
    for (const rows of groups) if (turn < rows.length && dealt.length < most) dealt.push(rows[turn])
  }
  return dealt.sort((a, b) => a - b)
}

function whitened(X: Matrix, mean: Float64Array, whiten: Float32Array): Matrix {
  const out = new Matrix(new Float32Array(X.data.length), X.rows, X.cols)
  for (let row = 0; row < X.rows; row++) {
    const centred = Float64Array.from(X.row(row), (value, f) => value - mean[f])
    out.row(row).set(timesUpper(centred, whiten))
  }
  return out
}

function joined(a: Matrix, b: Matrix): Matrix {
  const data = new Float32Array(a.data.length + b.data.length)
  data.set(a.data)
  data.set(b.data, a.data.length)
  return new Matrix(data, a.rows + b.rows, a.cols)
}

/** The logarithm of the determinant of a triangular matrix with a positive diagonal. */
function logDiagonal(matrix: Float32Array): number {
  const size = Math.sqrt(matrix.length)
  let sum = 0
  for (let f = 0; f < size; f++) sum += log(matrix[f * size + f])
  return sum
}
