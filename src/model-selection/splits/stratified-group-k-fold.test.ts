import { expect, test } from 'vitest'
import fixtures from '../../../test/fixtures/svm/group-folds.json' with { type: 'json' }
import { SVC } from '../../svm/svc.ts'
import { crossValPredict } from '../cross-val-predict.ts'
import { crossValScore } from '../cross-val-score.ts'
import { GridSearchCV } from '../grid-search.ts'
import { StratifiedGroupKFold } from './stratified-group-k-fold.ts'

test.each(fixtures)('$nSplits folds of $name match scikit-learn', ({ y, groups, nSplits, fold }) => {
  const folds = new StratifiedGroupKFold({ nSplits }).split(y, y, groups)
  const own = new Array(y.length).fill(-1)
  for (const [i, { train, test }] of folds.entries()) {
    for (const row of test) own[row] = i
    expect([...train, ...test].sort((a, b) => a - b)).toEqual([...y.keys()])
  }
  expect(own).toEqual(fold)
})

test('shuffling moves whole groups between folds and is repeatable by seed', () => {
  const [{ y, groups }] = fixtures
  const split = (randomState: number) =>
    new StratifiedGroupKFold({ shuffle: true, randomState }).split(y, y, groups)
  expect(split(1)).toEqual(split(1))
  expect(split(1)).not.toEqual(split(2))
  for (const { train, test } of split(1)) {
    const held = new Set([...test].map((row) => groups[row]))
    expect([...train].filter((row) => held.has(groups[row]))).toEqual([])
  }
})

/** Two rows a group: a row and its copy, with a random label, so that only a copy tells it. */
const pairs = Array.from({ length: 60 }, (_, i) => [
  Math.sin(9 * Math.floor(i / 2)),
  Math.cos(7 * Math.floor(i / 2)),
])
const y = Array.from({ length: 60 }, (_, i) => (Math.sin(50 * Math.floor(i / 2)) > 0 ? 'a' : 'b'))
const groups = Array.from({ length: 60 }, (_, i) => `group ${Math.floor(i / 2)}`)

test('cross-validation and grid search keep groups together', async () => {
  const svc = new SVC({ C: 1000, gamma: 50 })
  const cv = new StratifiedGroupKFold({ nSplits: 3 })
  const folds = cv.split(pairs, y, groups)
  const expected = await crossValScore(svc, pairs, y, { cv: { split: () => folds } })
  expect(await crossValScore(svc, pairs, y, { cv: 3, groups })).toEqual(expected)
  expect(await crossValScore(svc, pairs, y, { cv, groups })).toEqual(expected)
  const predicted = await crossValPredict(svc, pairs, y, { cv: 3, groups })
  for (const [fold, { test }] of folds.entries()) {
    const right = [...test].filter((row) => predicted[row] === y[row]).length
    expect(right / test.length).toBe(expected[fold])
  }
  const search = new GridSearchCV(svc, { C: [1000] }, { cv: 3, refit: false })
  await search.fit(pairs, y, { groups })
  expect(search.cvResults.splitTestScores.map(([score]) => score)).toEqual([...expected])
})

test('throws for invalid input and names the argument', () => {
  const folds = new StratifiedGroupKFold({ nSplits: 3 })
  const code = (wanted: string) => expect.objectContaining({ code: wanted })
  const four = ['a', 'a', 'b', 'b']
  expect(() => folds.split(four, four, [1, 2, 3])).toThrow(
    expect.objectContaining({ code: 'SHAPE_MISMATCH', argument: 'groups' }),
  )
  expect(() => folds.split(four, four)).toThrow('groups must be an array with the group of each row')
  expect(() => folds.split(four, four, [1, 2, 1, 2])).toThrow('at least 3 groups, one for each fold')
  expect(() => folds.split(four, four, [1, 1, 2, 3])).toThrow(/all rows of class "a" are in one fold/)
  expect(() => folds.split(four, ['a', 'a', 'a', 'a'], [1, 2, 3, 4])).toThrow(code('ONE_CLASS'))
  expect(() => new StratifiedGroupKFold({ nSplits: 1 })).toThrow(code('INVALID_ARGUMENT'))
  expect(() => new StratifiedGroupKFold({ shuffle: 1 as never })).toThrow(code('INVALID_ARGUMENT'))
  expect(() => new StratifiedGroupKFold({ randomState: -1 })).toThrow(code('INVALID_ARGUMENT'))
})
