// The score of `unknown` for rows of features, from fitted numbers.

import type { Matrix } from '../../core/matrix.ts'
import type { KnownNumbers } from '../../onnx/classifier/read-steps.ts'
import { addBackgroundTerms } from './background-terms.ts'
import { timesUpper } from './times-upper.ts'

/** How much each row is like each class, minus the thresholds that `offset` includes; rows x classes. */
export function knownScoresByClass(known: KnownNumbers, X: Matrix): Float64Array {
  const { mean, whiten, linear, quadratic, offset, background } = known
  const [features, count] = [mean.length, offset.length]
  const scores = new Float64Array(X.rows * count)
  const centred = new Float64Array(features)
  for (let row = 0; row < X.rows; row++) {
    const own = X.row(row)
    for (let f = 0; f < features; f++) centred[f] = own[f] - mean[f]
    const white = timesUpper(centred, whiten)
    let norm = 0
    for (const value of white) norm += value * value
    for (let c = 0; c < count; c++) {
      let score = quadratic[c] * norm + offset[c]
      for (let f = 0; f < features; f++) score += white[f] * linear[f * count + c]
      scores[row * count + c] = score
    }
    if (background)
      addBackgroundTerms(background, own, white, scores.subarray(row * count, (row + 1) * count))
  }
  return scores
}

/** The greatest value of each row of a matrix of rows x `classes`. */
export function maxOfRows(scores: Float64Array, classes: number): Float64Array {
  return Float64Array.from({ length: scores.length / classes }, (_, row) =>
    Math.max(...scores.subarray(row * classes, (row + 1) * classes)),
  )
}
