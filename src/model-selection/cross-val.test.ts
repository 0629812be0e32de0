import { describe, expect, test } from 'vitest'
import reference from '../../test/fixtures/svm/cross-validation.json' with { type: 'json' }
import { loadFixtures } from '../../test/support/svm-fixtures.ts'
import type { Splitter } from '../core/folds.ts'
import { Matrix } from '../core/matrix.ts'
import type { Scale } from '../preprocessing/feature-scaler.ts'
import { SVC, type SvcOptions } from '../svm/svc.ts'
import { crossValPredict } from './cross-val-predict.ts'
import { crossValScore } from './cross-val-score.ts'
import { GridSearchCV } from './grid-search.ts'
import type { Scoring } from './scoring.ts'
import { StratifiedKFold } from './splits/stratified-k-fold.ts'

const sets = loadFixtures()
const iris = sets.find(({ name }) => name === 'iris')!

describe.each(reference)('matches scikit-learn on $set with cv $cv, scale $scale', (each) => {
  const { XTrain, yTrain } = sets.find(({ name }) => name === each.set)!
  const svc = new SVC({ ...(each.options as SvcOptions), tol: 1e-6 })
  const o = { cv: each.cv, scale: each.scale as Scale }

  test.each(Object.entries(each.scores))('%s', async (scoring, expected) => {
    const scores = await crossValScore(svc, XTrain, yTrain, { ...o, scoring: scoring as Scoring })
    expect(scores).toHaveLength(each.cv)
    for (const [fold, score] of scores.entries()) expect(score).toBeCloseTo(expected[fold], 12)
  })

  test('labels', async () => {
    expect(await crossValPredict(svc, XTrain, yTrain, o)).toEqual(each.predict)
  })

  test('decision values', async () => {
    const values = await crossValPredict(svc, XTrain, yTrain, { ...o, method: 'decisionFunction' })
    expect([values.rows, values.cols]).toEqual([XTrain.rows, each.decisionFunction[0].length])
    for (const [row, expected] of each.decisionFunction.entries()) {
      for (const [k, value] of expected.entries())
        expect(Math.abs(values.row(row)[k] - value)).toBeLessThan(1e-4)
    }
  })
})

const { XTrain: X, yTrain: y } = iris

test('scores equal those of a grid search with one candidate, also with shuffled folds', async () => {
  const cv = new StratifiedKFold({ nSplits: 4, shuffle: true, randomState: 3 })
  const search = await new GridSearchCV(new SVC(), { C: [2] }, { cv }).fit(X, y)
  const scores = await crossValScore(new SVC({ C: 2 }), X, y, { cv })
  expect([...scores]).toEqual(search.cvResults.splitTestScores.map(([score]) => score))
})

test('a precomputed kernel gives the same as its linear kernel', async () => {
  const kernel = Matrix.from(
    Array.from({ length: X.rows }, (_, i) =>
      Array.from({ length: X.rows }, (_, j) =>
        X.row(i).reduce((sum, value, k) => sum + value * X.row(j)[k], 0),
      ),
    ),
  )
  const precomputed = new SVC({ kernel: 'precomputed' })
  const linear = new SVC({ kernel: 'linear' })
  expect(await crossValScore(precomputed, kernel, y)).toEqual(await crossValScore(linear, X, y))
  expect(await crossValPredict(precomputed, kernel, y)).toEqual(await crossValPredict(linear, X, y))
})

test('probabilities equal those of an SVC fitted on the other folds', async () => {
  const svc = new SVC({ probability: true })
  const rows = await crossValPredict(svc, X, y, { cv: 3, method: 'predictProba' })
  for (const { train, test } of new StratifiedKFold({ nSplits: 3 }).split(X, y)) {
    const fitted = await svc.clone().fit(
      X.select(train),
      Array.from(train, (row) => y[row]),
    )
    expect(rows.select(test)).toEqual(await fitted.predictProba(X.select(test)))
    fitted.dispose()
  }
})

/** Two folds; the test set of the first contains every row of the class 'c'. */
const lopsided: Splitter = {
  split: () => [
    { train: Int32Array.of(0, 1, 2, 3), test: Int32Array.of(4, 5, 6, 7) },
    { train: Int32Array.of(4, 5, 6, 7), test: Int32Array.of(0, 1, 2, 3) },
  ],
}
/** Tests every row twice. */
const twice: Splitter = {
  split: (rows, labels) => [1, 2].flatMap(() => new StratifiedKFold({ nSplits: 2 }).split(rows, labels)),
}
const few = [[0], [1], [0.1], [1.1], [0], [1], [2], [2.1]]
const fewLabels = ['a', 'b', 'a', 'b', 'a', 'b', 'c', 'c']

test('a class absent from a training fold has probability 0', async () => {
  const svc = new SVC({ probability: true })
  const rows = await crossValPredict(svc, few, fewLabels, { cv: lopsided, method: 'predictProba' })
  expect(rows.cols).toBe(3)
  for (const row of [4, 5, 6, 7]) expect(rows.row(row)[2]).toBe(0)
  for (const row of [0, 1, 2, 3]) expect(rows.row(row)[2]).toBeGreaterThan(0)
})

test('reports folds and stops when aborted', async () => {
  const seen: number[] = []
  const onProgress = ({ done, total }: { done: number; total: number }) => seen.push(done, total)
  for (const scale of ['none', 'standard'] as const)
    await crossValScore(new SVC(), X, y, { cv: 2, scale, onProgress })
  await crossValPredict(new SVC(), X, y, { cv: 2, onProgress })
  expect(seen).toEqual([1, 2, 2, 2, 1, 2, 2, 2, 1, 2, 2, 2])

  for (const scale of ['none', 'standard'] as const) {
    const aborted = () => {
      const controller = new AbortController()
      return { scale, signal: controller.signal, onProgress: () => controller.abort() }
    }
    await expect(crossValScore(new SVC(), X, y, aborted())).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(crossValPredict(new SVC(), X, y, aborted())).rejects.toMatchObject({ code: 'ABORTED' })
  }
})

describe('throws', () => {
  const svc = new SVC()
  test.each([
    ['INVALID_ARGUMENT', 'estimator', () => crossValScore({} as SVC, X, y)],
    ['INVALID_ARGUMENT', 'cv', () => crossValScore(svc, X, y, { cv: 1 })],
    ['INVALID_ARGUMENT', 'scoring', () => crossValScore(svc, X, y, { scoring: 'auc' as 'accuracy' })],
    ['INVALID_ARGUMENT', 'scale', () => crossValPredict(svc, X, y, { scale: 'max' as 'l2' })],
    [
      'INVALID_ARGUMENT',
      'scale',
      () => crossValScore(new SVC({ kernel: 'precomputed' }), X, y, { scale: 'standard' }),
    ],
    ['INVALID_ARGUMENT', 'method', () => crossValPredict(svc, X, y, { method: 'proba' as 'predictProba' })],
    ['INVALID_ARGUMENT', 'method', () => crossValPredict(svc, X, y, { method: 'predictProba' })],
    [
      'INVALID_ARGUMENT',
      'shape',
      () => crossValPredict(svc, X, y, { method: 'decisionFunction', shape: 'ova' as 'ovo' }),
    ],
    ['INVALID_ARGUMENT', 'cv', () => crossValPredict(svc, X, y, { cv: twice })],
    ['TOO_FEW_ROWS', 'y', () => crossValScore(svc, X, y, { cv: 1000 })],
    [
      'TOO_FEW_ROWS',
      'cv',
      () => crossValPredict(svc, few, fewLabels, { cv: lopsided, method: 'decisionFunction' }),
    ],
    ['SHAPE_MISMATCH', 'y', () => crossValPredict(svc, X, y.slice(1))],
    ['ONE_CLASS', 'y', () => crossValScore(svc, [[1], [2]], ['a', 'a'])],
    ['NOT_FINITE', 'X', () => crossValPredict(svc, [[1], [Number.NaN]], ['a', 'b'])],
  ])('%s for %s', async (code, argument, call) => {
    await expect(call()).rejects.toMatchObject({ code, argument: expect.stringContaining(argument) })
  })
})
