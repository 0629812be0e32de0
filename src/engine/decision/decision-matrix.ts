import { Matrix } from '../../core/matrix.ts'
import { pairCount } from '../kernel/pairs.ts'

/**
 * One-vs-rest scores from one-vs-one decision values, as scikit-learn's `_ovr_decision_function`: the number of votes
 * of each class plus the sum of its confidences, scaled to less than a third of a vote.
 *
 * @param decisions rows x pairs
 * @returns rows x classes
 */
export function oneVsRest(decisions: Float64Array, classes: number): Float32Array {
  const pairs = pairCount(classes)
  const rows = decisions.length / pairs
  const out = new Float32Array(rows * classes)
  const votes = new Float64Array(classes)
  const confidences = new Float64Array(classes)
  for (let row = 0, at = 0; row < rows; row++) {
    votes.fill(0)
    confidences.fill(0)
    for (let i = 0; i < classes; i++) {
      for (let j = i + 1; j < classes; j++) {
        const value = decisions[at++]
        confidences[i] += value
        confidences[j] -= value
        votes[value < 0 ? j : i]++
      }
    }
    for (let c = 0; c < classes; c++) {
      const confidence = confidences[c]
      out[row * classes + c] = votes[c] + confidence / (3 * (Math.abs(confidence) + 1))
    }
  }
  return out
}

/**
 * Arranges decision values as `SVC.decisionFunction` returns them: for two classes rows x 1, positive for the second one;
 * otherwise rows x classes (`'ovr'`) or rows x pairs (`'ovo'`).
 *
 * @param decisions rows x pairs, positive for the first class of the pair
 */
export function decisionMatrix(decisions: Float64Array, classes: number, shape: 'ovr' | 'ovo'): Matrix {
  const pairs = pairCount(classes)
  const rows = decisions.length / pairs
  if (pairs === 1)
    return new Matrix(
      Float32Array.from(decisions, (value) => -value),
      rows,
      1,
    )
  if (shape === 'ovo') return new Matrix(Float32Array.from(decisions), rows, pairs)
  return new Matrix(oneVsRest(decisions, classes), rows, classes)
}
