import { exp, log } from '../../core/exp-log.ts'
import type { BackgroundNumbers } from '../../onnx/classifier/background-numbers.ts'
import { timesUpper } from './times-upper.ts'

/**
 * Adds what a background contributes to the scores of one row.
 *
 * @param row its unscaled features
 * @param white its coordinates by `KnownNumbers.whiten`
 * @param scores one for each class
 */
export function addBackgroundTerms(
  { mean, whiten, near, far, quadratic, gamma, bandwidth, neighbours }: BackgroundNumbers,
  row: Float32Array,
  white: Float64Array,
  scores: Float64Array,
): void {
  const centred = Float64Array.from(row, (value, f) => value - mean[f])
  let common = 0
  for (const value of timesUpper(centred, whiten)) common += quadratic * value * value
  for (const [sign, { rows, coefficients }] of [
    [1, near],
    [-1, far],
  ] as const) {
    const squares = squaresTo(white, rows)
    for (const [i, square] of squares.entries()) {
      const kernel = exp(-gamma * square)
      for (let c = 0; c < scores.length; c++) scores[c] += kernel * coefficients[i * scores.length + c]
    }
    const least = squares.reduce((a, b) => Math.min(a, b))
    let sum = 0
    for (const square of squares) sum += exp((least - square) / bandwidth)
    common += sign * neighbours * (log(sum) - least / bandwidth)
  }
  for (let c = 0; c < scores.length; c++) scores[c] += common
}

/** The squared distances of a point to some rows. */
function squaresTo(point: Float64Array, rows: Float32Array): Float64Array {
  const squares = new Float64Array(rows.length / point.length)
  for (let i = 0, at = 0; i < squares.length; i++) {
    for (let f = 0; f < point.length; f++, at++) {
      const difference = point[f] - rows[at]
      squares[i] += difference * difference
    }
  }
  return squares
}
