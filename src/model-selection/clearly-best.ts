import type { CvResults } from './grid-search.ts'

/**
 * Chooses a candidate of a grid search with caution: the one with the best mean score, if it is clearly better than a
 * candidate that is preferred, and the preferred one otherwise. With few rows the best of many candidates is often the
 * luckiest. In the spirit of the one-standard-error rule (Breiman, Friedman, Olshen, Stone, "Classification and
 * regression trees", 1984), but with the standard error of the differences, since candidates are scored on the same rows.
 *
 * @param preferred index of the candidate that needs no better reason, such as the defaults
 * @param standardErrors by how many standard errors of the difference of the scores of a fold, the mean must be better
 * @returns an index of `cvResults.params`; the best one if there is a single fold
 */
export function clearlyBest(
  { rankTestScore, splitTestScores }: CvResults,
  preferred: number,
  standardErrors: number,
): number {
  const best = rankTestScore.indexOf(1)
  const gains = splitTestScores.map((scores) => scores[best] - scores[preferred])
  if (gains.length < 2) return best
  const { mean, standardError } = meanOf(gains)
  return mean > standardErrors * standardError ? best : preferred
}

/** The mean of some values, and its standard error. */
export function meanOf(values: readonly number[]): { mean: number; standardError: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, standardError: Math.sqrt(squares / (values.length - 1) / values.length) }
}
