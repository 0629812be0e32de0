import { Matrix } from '../../core/matrix.ts'
import { pairCount } from '../kernel/pairs.ts'

/**
 * One-vs-one voting, as in LIBSVM: pair (i, j) votes for i if its decision value is above 0, else for j; of the classes
 * with most votes the first wins.
 *
 * @param decisions rows x pairs
 * @param tieOrder class indices in the order that defines 'first', among classes and within a pair. Default: ascending
 * @returns one class index per row
 */
export function vote(decisions: Float64Array, classes: number, tieOrder?: Int32Array): Int32Array {
  const pairs = pairCount(classes)
  const winners = new Int32Array(decisions.length / pairs)
  const order = tieOrder ?? Int32Array.from({ length: classes }, (_, c) => c)
  const rank = new Int32Array(classes)
  for (let r = 0; r < classes; r++) rank[order[r]] = r
  const votes = new Int32Array(classes)
  for (let row = 0, at = 0; row < winners.length; row++) {
    votes.fill(0)
    for (let i = 0; i < classes; i++) {
      let won = 0
      for (let j = i + 1; j < classes; j++) {
        const value = decisions[at++]
        // Arithmetic instead of a branch, because the sign is unpredictable; only the rare tie branches.
        let forFirst = +(value > 0)
        if (value === 0) forFirst = +(rank[i] > rank[j])
        won += forFirst
        votes[j] += 1 - forFirst
      }
      votes[i] += won
    }
    let winner = order[0]
    for (const c of order) if (votes[c] > votes[winner]) winner = c
    winners[row] = winner
  }
  return winners
}

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
