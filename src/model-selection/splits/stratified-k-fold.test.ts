import { expect, test } from 'vitest'
import selection from '../../../test/fixtures/svm/selection.json' with { type: 'json' }
import type { Fold } from '../../core/folds.ts'
import type { Label } from '../../core/labels.ts'
import { StratifiedKFold } from './stratified-k-fold.ts'

function foldOfEachRow(folds: Fold[], rows: number): number[] {
  const fold = new Array(rows).fill(-1)
  folds.forEach(({ test }, i) => {
    for (const row of test) fold[row] = i
  })
  return fold
}

test.each(selection.folds)('$nSplits folds of $name labels match scikit-learn', (fixture) => {
  const y: Label[] = fixture.y
  const folds = new StratifiedKFold({ nSplits: fixture.nSplits }).split(y, y)
  expect(foldOfEachRow(folds, y.length)).toEqual(fixture.fold)
  for (const { train, test } of folds) {
    expect([...train, ...test].sort((a, b) => a - b)).toEqual([...y.keys()])
    expect([...train]).toEqual([...train].sort((a, b) => a - b))
  }
})

test('shuffling moves rows between folds, keeps the classes balanced, and is repeatable by seed', () => {
  const y = Array.from({ length: 90 }, (_, i) => (i % 3 === 0 ? 'rare' : 'common'))
  const plain = new StratifiedKFold().split(y, y)
  const shuffled = new StratifiedKFold({ shuffle: true, randomState: 1 }).split(y, y)
  expect(shuffled).not.toEqual(plain)
  expect(shuffled).toEqual(new StratifiedKFold({ shuffle: true, randomState: 1 }).split(y, y))
  expect(shuffled).not.toEqual(new StratifiedKFold({ shuffle: true, randomState: 2 }).split(y, y))
  for (const { test } of shuffled) expect([...test].filter((row) => y[row] === 'rare')).toHaveLength(6)
})

test('names a class with fewer rows than folds, with its count', () => {
  expect(() => new StratifiedKFold({ nSplits: 3 }).split([1, 2, 3, 4, 5], ['a', 'a', 'a', 'b', 'b'])).toThrow(
    expect.objectContaining({
      code: 'TOO_FEW_ROWS',
      message: 'y must have at least 3 rows of each class, one for each fold, but has 2 of class "b"',
    }),
  )
})

test('throws for invalid input and names the argument', () => {
  const folds = new StratifiedKFold({ nSplits: 2 })
  expect(() => folds.split([1, 2], ['a', 'a'])).toThrow(expect.objectContaining({ code: 'ONE_CLASS' }))
  expect(() => folds.split([1], ['a', 'b'])).toThrow(expect.objectContaining({ code: 'SHAPE_MISMATCH' }))
  expect(() => folds.split([], [])).toThrow(expect.objectContaining({ code: 'EMPTY_INPUT' }))
  expect(() => new StratifiedKFold({ nSplits: 1 })).toThrow(
    'nSplits must be an integer of 2 or more, but is 1',
  )
  expect(() => new StratifiedKFold({ shuffle: 1 as never })).toThrow('shuffle must be true or false')
  expect(() => new StratifiedKFold({ randomState: -1 })).toThrow('randomState')
})
