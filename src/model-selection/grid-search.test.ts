import { describe, expect, test } from 'vitest'
import selection from '../../test/fixtures/svm/selection.json' with { type: 'json' }
import { loadFixtures } from '../../test/support/svm-fixtures.ts'
import { SVC } from '../svm/svc.ts'
import { GridSearchCV } from './grid-search.ts'
import type { ParamGrid } from './parameter-grid.ts'

const iris = loadFixtures().find(({ name }) => name === 'iris')!
const { XTrain, yTrain, XTest } = iris

describe('compared with scikit-learn on digits', async () => {
  const { grid } = selection
  const digits = loadFixtures().find(({ name }) => name === grid.set)!
  const X = digits.XTrain.select([...Array(grid.rows).keys()])
  const y = digits.yTrain.slice(0, grid.rows)
  const search = await new GridSearchCV(new SVC(), grid.paramGrid as ParamGrid, { cv: grid.cv }).fit(X, y)
  const results = search.cvResults

  test('the candidates and their order are the same', () => {
    expect(results.params).toEqual(grid.params)
  })

  test('every score lies within 0.002', () => {
    results.meanTestScore.forEach((score, i) => {
      expect(Math.abs(score - grid.meanTestScore[i])).toBeLessThanOrEqual(0.002)
      expect(Math.abs(results.stdTestScore[i] - grid.stdTestScore[i])).toBeLessThanOrEqual(0.002)
    })
    // One of the 133 rows of a fold may be classified differently.
    results.splitTestScores.flat().forEach((score, i) => {
      expect(Math.abs(score - grid.splitTestScores.flat()[i])).toBeLessThanOrEqual(1 / 133 + 1e-9)
    })
  })

  test('the best candidate is the same', () => {
    expect(search.bestIndex).toBe(grid.bestIndex)
    expect(search.bestParams).toEqual(grid.params[grid.bestIndex])
    expect(search.bestScore).toBeCloseTo(grid.bestScore, 3)
    expect(results.rankTestScore[search.bestIndex]).toBe(1)
    expect(search.bestEstimator.getParams()).toMatchObject(search.bestParams)
  })
})

test('predict and score use the best candidate, fitted on all rows', async () => {
  const search = await new GridSearchCV(new SVC(), { C: [0.01, 10], kernel: ['linear'] }).fit(XTrain, yTrain)
  const alone = await new SVC(search.bestParams).fit(XTrain, yTrain)
  const expected = await alone.predict(XTest)
  expect(await search.predict(XTest)).toEqual(expected)
  expect(await search.score(XTest, expected)).toBe(1)
})

describe('the fit of the best candidate, on the dot products of the search,', () => {
  const digits = loadFixtures().find(({ name }) => name === 'digits')!
  const { XTrain: X, yTrain: y } = digits
  const kernels = [
    { kernel: 'rbf' },
    { kernel: 'linear', C: 0.1 },
    { kernel: 'poly', degree: 2, coef0: 1 },
    { kernel: 'rbf', probability: true, classWeight: 'balanced' },
    { kernel: 'rbf', cacheSize: 20 },
    { kernel: 'rbf', simd: 'strict', threads: 2 },
  ] as const

  test.each(kernels)('has the bits of a fit without them: %o', async (options) => {
    using search = await new GridSearchCV(new SVC(options), { C: [0.1, 2] }, { cv: 2 }).fit(X, y)
    using alone = await new SVC({ ...options, ...search.bestParams }).fit(X, y)
    expect(search.bestEstimator.toState()).toEqual(alone.toState())
  })
})

test('candidates that give the same model are fitted once and share a rank', async () => {
  const seen: [number, number][] = []
  const search = new GridSearchCV(
    new SVC({ kernel: 'linear' }),
    { gamma: [0.1, 1, 'scale'], C: [1] },
    { cv: 2 },
  )
  await search.fit(XTrain, yTrain, { onProgress: ({ done, total }) => seen.push([done, total]) })
  expect(seen).toEqual([
    [1, 3],
    [2, 3],
    [3, 3],
  ])
  expect(search.cvResults.rankTestScore).toEqual([1, 1, 1])
  expect(search.bestParams).toEqual({ C: 1, gamma: 0.1 })
})

test('candidates that only look alike are fitted separately', async () => {
  let total = 0
  const grid: ParamGrid = {
    classWeight: [undefined, 'balanced', { setosa: 2 }],
    kernel: ['rbf'],
    gamma: ['auto', 0.25],
  }
  const search = new GridSearchCV(new SVC(), grid, { cv: 2, refit: false })
  await search.fit(XTrain, yTrain, { onProgress: (progress) => (total = progress.total) })
  // gamma 'auto' is 1 / 4 here, so that three distinct models are left.
  expect(total).toBe(3 * 2)
})

test('accepts a custom splitter and scorer', async () => {
  const rows = (keep: (row: number) => boolean) => Int32Array.from(Array(XTrain.rows).keys()).filter(keep)
  const folds = [{ train: rows((row) => row < 60), test: rows((row) => row >= 60) }]
  const search = new GridSearchCV(
    new SVC(),
    { C: [1, 2, 3] },
    { cv: { split: () => folds }, scoring: () => Number.NaN },
  )
  await search.fit(XTrain, yTrain)
  expect(search.cvResults.splitTestScores).toEqual([[Number.NaN, Number.NaN, Number.NaN]])
  expect(search.bestIndex).toBe(0)
})

test('refit: false gives results but no predictor', async () => {
  const search = await new GridSearchCV(new SVC(), { C: [1] }, { refit: false }).fit(XTrain, yTrain)
  expect(search.bestScore).toBeGreaterThan(0.9)
  expect(() => search.bestEstimator).toThrow(expect.objectContaining({ code: 'NOT_FITTED' }))
  await expect(search.predict(XTest)).rejects.toMatchObject({ code: 'NOT_FITTED' })
})

test('an aborted search keeps the earlier results', async () => {
  const search = await new GridSearchCV(new SVC(), { C: [1, 2] }, { cv: 2 }).fit(XTrain, yTrain)
  const before = search.cvResults
  const controller = new AbortController()
  const onProgress = ({ done }: { done: number }) => done === 2 && controller.abort()
  await expect(search.fit(XTrain, yTrain, { signal: controller.signal, onProgress })).rejects.toMatchObject({
    code: 'ABORTED',
    name: 'AbortError',
  })
  expect(search.cvResults).toBe(before)
  expect(await search.predict(XTest)).toHaveLength(XTest.rows)
})

test('throws for invalid input and names the argument', async () => {
  const code = (wanted: string) => expect.objectContaining({ code: wanted })
  const search = new GridSearchCV(new SVC(), { C: [1] }, { cv: 3 })
  await expect(search.fit([[1], [2], [3], [4], [5]], ['a', 'a', 'a', 'b', 'b'])).rejects.toMatchObject({
    code: 'TOO_FEW_ROWS',
  })
  await expect(search.fit([[1], [2], [3]], [1, 1, 1])).rejects.toMatchObject({ code: 'ONE_CLASS' })
  await expect(search.fit([[1], [2]], [1])).rejects.toMatchObject({ code: 'SHAPE_MISMATCH' })
  await expect(search.fit([[Number.NaN]], [1])).rejects.toMatchObject({ code: 'NOT_FINITE' })
  expect(() => search.bestParams).toThrow(code('NOT_FITTED'))
  expect(() => new GridSearchCV(new SVC(), { kernels: ['rbf'] } as never)).toThrow('kernel')
  expect(() => new GridSearchCV(new SVC(), { C: [1, -1] })).toThrow('C must be')
  expect(() => new GridSearchCV(new SVC(), { C: [1] }, { cv: 1 })).toThrow(
    'cv must be an integer of 2 or more, or a splitter',
  )
  expect(() => new GridSearchCV({} as never, { C: [1] })).toThrow('estimator must be an SVC')
  search.dispose()
  await expect(search.fit(XTrain, yTrain)).rejects.toMatchObject({ code: 'DISPOSED' })
})
