import { invalidArgument, shapeMismatch } from '../core/errors.ts'

/** A receiver operating characteristic: one point for each threshold, from (0, 0) to (1, 1). */
export interface RocCurve {
  /** Share of the negative rows at or above each threshold. */
  fpr: number[]
  /** Share of the positive rows at or above each threshold. */
  tpr: number[]
  /** The thresholds, descending; the first is infinite, above all scores. */
  thresholds: number[]
}

/**
 * Computes the receiver operating characteristic of scores, with a point for each distinct score, as scikit-learn's
 * `roc_curve` does with `drop_intermediate=False`.
 *
 * @param isPositive for each row, whether it is positive
 * @param scores for each row, a score that is higher for positive rows
 * @throws {SoftmarginError} `SHAPE_MISMATCH`; `INVALID_ARGUMENT` for a score that is NaN, and unless there are rows of
 *   both kinds
 */
export function rocCurve(isPositive: ArrayLike<boolean>, scores: ArrayLike<number>): RocCurve {
  if (scores.length !== isPositive.length) {
    throw shapeMismatch(
      'scores',
      scores.length,
      `${isPositive.length} scores, one for each row of isPositive`,
    )
  }
  let positives = 0
  for (let i = 0; i < isPositive.length; i++) {
    if (Number.isNaN(scores[i])) throw invalidArgument(`scores[${i}]`, scores[i], 'a number')
    if (isPositive[i]) positives++
  }
  const negatives = isPositive.length - positives
  if (positives === 0 || negatives === 0) {
    throw invalidArgument(
      'isPositive',
      `${positives} of ${isPositive.length} positive rows`,
      'rows of both kinds',
    )
  }
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b] - scores[a])
  const curve: RocCurve = { fpr: [0], tpr: [0], thresholds: [Number.POSITIVE_INFINITY] }
  let [above, below] = [0, 0]
  for (const [at, row] of order.entries()) {
    if (isPositive[row]) above++
    else below++
    // Rows with equal scores pass the threshold together.
    if (at + 1 < order.length && scores[order[at + 1]] === scores[row]) continue
    curve.tpr.push(above / positives)
    curve.fpr.push(below / negatives)
    curve.thresholds.push(scores[row])
  }
  return curve
}

/** The area under a curve by the trapezoidal rule, as scikit-learn's `auc`. @param x ascending */
export function auc(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let area = 0
  for (let i = 1; i < x.length; i++) area += ((x[i] - x[i - 1]) * (y[i] + y[i - 1])) / 2
  return area
}
