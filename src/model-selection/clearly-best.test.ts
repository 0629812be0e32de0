import { expect, it } from 'vitest'
import { SVC } from '../svm/svc.ts'
import { clearlyBest } from './clearly-best.ts'
import { GridSearchCV } from './grid-search.ts'

/** Results of two candidates: the first is preferred, the second has the better mean. */
function results(first: number[], second: number[]) {
  const mean = (scores: number[]) => scores.reduce((sum, score) => sum + score, 0) / scores.length
  return {
    params: [{ C: 1 }, { C: 2 }],
    splitTestScores: first.map((score, fold) => [score, second[fold]]),
    meanTestScore: [mean(first), mean(second)],
    stdTestScore: [0, 0],
    rankTestScore: [2, 1],
  }
}

it('prefers the best candidate only if it is better by more than the standard errors of the difference', () => {
  // Differences of 0.1, 0, 0.1, 0: mean 0.05, standard deviation 0.0577, standard error 0.0289, ratio 1.73.
  const uneven = results([0.5, 0.9, 0.6, 0.8], [0.6, 0.9, 0.7, 0.8])
  expect(clearlyBest(uneven, 0, 1.7)).toBe(1)
  expect(clearlyBest(uneven, 0, 1.8)).toBe(0)
  // The same gain on every fold has no error, however different the folds are.
  expect(clearlyBest(results([0.2, 0.9], [0.3, 1]), 0, 10)).toBe(1)
  // A single fold has no standard error.
  expect(clearlyBest(results([0.5], [0.6]), 0, 2)).toBe(1)
  expect(clearlyBest(uneven, 1, 2)).toBe(1)
})

it('can be used by a grid search as a custom refit, as in scikit-learn', async () => {
  const X = Array.from({ length: 40 }, (_, i) => [i % 7, (i * i) % 11])
  const y = X.map(([a, b]) => (a > b / 2 ? 1 : 0))
  const grid = { C: [0.01, 1, 100] }
  using plain = new GridSearchCV(new SVC(), grid)
  await plain.fit(X, y)
  const seen: number[][] = []
  const refit = async ({ rankTestScore }: { rankTestScore: number[] }) => {
    seen.push(rankTestScore)
    return rankTestScore.indexOf(Math.max(...rankTestScore))
  }
  using search = new GridSearchCV(new SVC(), grid, { refit })
  await search.fit(X, y)
  expect(seen).toEqual([plain.cvResults.rankTestScore])
  expect(search.bestIndex).not.toBe(plain.bestIndex)
  expect(search.bestEstimator.getParams().C).toBe(grid.C[search.bestIndex])
  expect(search.bestScore).toBe(search.cvResults.meanTestScore[search.bestIndex])
  const before = search.cvResults
  for (const wrong of [3, -1, 0.5, undefined as never]) {
    using other = new GridSearchCV(new SVC(), grid, { refit: () => wrong })
    await expect(other.fit(X, y)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', argument: 'refit' })
  }
  expect(search.cvResults).toBe(before)
})
