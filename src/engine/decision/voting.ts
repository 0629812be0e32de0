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
