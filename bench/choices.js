/**
 * What the choice of a layer and a grid search would choose by different rules, from the scores of each fold.
 *
 * A candidate is `{ scores, cost }`: its score on each fold, and what it costs, so that of two equal ones the cheaper is
 * taken. `candidates[0]` is the default.
 */
export const RULES = {
  /** The greatest mean. */
  best: (candidates) => argmax(candidates.map(({ scores }) => mean(scores))),
  /** The default, unless the best is better by more than one standard error of its own mean (Breiman et al., 1984). */
  'one standard error': (candidates) => {
    const best = RULES.best(candidates)
    const { scores } = candidates[best]
    return mean(candidates[0].scores) >= mean(scores) - standardError(scores) ? 0 : best
  },
  /** The default, unless the best is better by more than one standard error of the folds' differences. */
  'paired standard error': (candidates) => {
    const best = RULES.best(candidates)
    const gains = candidates[best].scores.map((score, fold) => score - candidates[0].scores[fold])
    return mean(gains) > standardError(gains) ? best : 0
  },
}

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length

/** The standard error of a mean. */
export function standardError(values) {
  const centre = mean(values)
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0)
  return Math.sqrt(squares / (values.length - 1) / values.length)
}

function argmax(values) {
  return values.indexOf(Math.max(...values))
}
