import { expect, test } from 'vitest'
import selection from '../../../test/fixtures/svm/selection.json' with { type: 'json' }
import { Matrix } from '../../core/matrix.ts'
import { trainTestSplit } from './train-test-split.ts'

test.each(selection.splits)('counts match scikit-learn: $counts, $testSize', (fixture) => {
  const y = fixture.counts.flatMap((count, k) => new Array<number>(count).fill(k))
  const split = trainTestSplit(y, y, { testSize: fixture.testSize, stratify: true, randomState: 5 })
  const countsOf = (labels: unknown[]) => fixture.counts.map((_, k) => labels.filter((l) => l === k).length)
  expect(countsOf(split.yTrain)).toEqual(fixture.train)
  expect(countsOf(split.yTest)).toEqual(fixture.test)
})

test('rows and labels stay together, in a Matrix and in a list', () => {
  const numbers = Array.from({ length: 40 }, (_, i) => i)
  const y = numbers.map((i) => `label ${i}`)
  const matrix = Matrix.from(numbers.map((i) => [i, -i]))
  const { XTrain, XTest, yTrain, yTest, trainRows, testRows } = trainTestSplit(matrix, y)
  expect([XTrain.rows, XTest.rows, yTrain.length, yTest.length]).toEqual([30, 10, 30, 10])
  yTrain.forEach((label, i) => {
    expect(label).toBe(`label ${XTrain.row(i)[0]}`)
    expect(trainRows[i]).toBe(XTrain.row(i)[0])
  })
  yTest.forEach((label, i) => {
    expect(label).toBe(`label ${-XTest.row(i)[1]}`)
  })
  expect([...trainRows, ...testRows].sort((a, b) => a - b)).toEqual(numbers)

  const [listTrain, listTest, listTrainY, listTestY] = trainTestSplit(y, y, { testSize: 7 })
  expect(listTrain).toEqual(listTrainY)
  expect(listTest).toEqual(listTestY)
  expect(listTest).toHaveLength(7)
})

test('the seed determines the split', () => {
  const y = Array.from({ length: 30 }, (_, i) => i % 2)
  for (const stratify of [true, false]) {
    const rows = (randomState?: number) => trainTestSplit(y, y, { stratify, randomState }).testRows
    expect(rows(7)).toEqual(rows(7))
    expect(rows()).toEqual(rows(0))
    expect(rows(7)).not.toEqual(rows(8))
  }
})

test('other labels may determine the proportions', () => {
  const groups = Array.from({ length: 40 }, (_, i) => (i < 20 ? 'old' : 'new'))
  const { testRows } = trainTestSplit(groups, new Array(40).fill(1), { testSize: 0.5, stratify: groups })
  expect(testRows.filter((row) => groups[row] === 'old')).toHaveLength(10)
})

test.each([0.2, 0.5, 9])('groups stay together, and sizes are nearly kept: %s', (testSize) => {
  const groups = Array.from({ length: 120 }, (_, i) => (i < 90 ? `pair ${Math.floor(i / 2)}` : `lone ${i}`))
  const y = groups.map((_, i) => (i % 8 < 2 ? 'rare' : 'common'))
  for (const stratify of [false, true]) {
    for (let randomState = 0; randomState < 10; randomState++) {
      const split = trainTestSplit(y, y, { groups, stratify, testSize, randomState })
      const { trainRows, testRows, yTest } = split
      expect([...trainRows, ...testRows].sort((a, b) => a - b)).toEqual([...y.keys()])
      const held = new Set([...testRows].map((row) => groups[row]))
      expect([...trainRows].filter((row) => held.has(groups[row]))).toEqual([])
      const wanted = testSize < 1 ? testSize * 120 : testSize
      expect(Math.abs(testRows.length - wanted)).toBeLessThanOrEqual(2)
      const rare = yTest.filter((label) => label === 'rare').length
      if (stratify) expect(Math.abs(rare - wanted / 4)).toBeLessThanOrEqual(2)
      expect(trainTestSplit(y, y, { groups, stratify, testSize, randomState })).toEqual(split)
    }
  }
  const rows = (randomState: number) => trainTestSplit(y, y, { groups, testSize, randomState }).testRows
  expect(rows(1)).not.toEqual(rows(2))
})

test('throws for groups that cannot be split', () => {
  const y = ['a', 'a', 'b', 'b']
  expect(() => trainTestSplit(y, y, { groups: [1, 1, 1] })).toThrow(
    expect.objectContaining({ code: 'SHAPE_MISMATCH', argument: 'groups' }),
  )
  expect(() => trainTestSplit(y, y, { groups: [1, 1, 1, 1] })).toThrow(/no group fits into the test set/)
  expect(() => trainTestSplit(y, y, { groups: 3 as never })).toThrow('groups must be an array with the group')
  expect(() => trainTestSplit(y, y, { groups: [1, 1, 2, 3], stratify: true, testSize: 3 })).toThrow(
    /groups of class "a" are all in the test set/,
  )
})

test('throws for invalid input and names the argument', () => {
  const y = ['a', 'a', 'a', 'b']
  const code = (wanted: string) => expect.objectContaining({ code: wanted })
  expect(() => trainTestSplit(y, y, { stratify: true })).toThrow(
    'a stratified split needs at least 2 rows of each class, but "b" has 1',
  )
  expect(() => trainTestSplit(y, ['a', 'a', 'b', 'b'], { stratify: true, testSize: 1 })).toThrow(
    code('TOO_FEW_ROWS'),
  )
  expect(() => trainTestSplit(y, y, { testSize: 4 })).toThrow(code('TOO_FEW_ROWS'))
  expect(() => trainTestSplit(y, y, { testSize: 0 })).toThrow('testSize must be a share between 0 and 1')
  expect(() => trainTestSplit(y, y, { testSize: 1.5 })).toThrow(code('INVALID_ARGUMENT'))
  expect(() => trainTestSplit(y, ['a'])).toThrow(code('SHAPE_MISMATCH'))
  expect(() => trainTestSplit(y, y, { stratify: ['a'] })).toThrow(code('SHAPE_MISMATCH'))
  expect(() => trainTestSplit([], [])).toThrow(code('EMPTY_INPUT'))
  expect(() => trainTestSplit(null as never, y)).toThrow('X must be a Matrix or an array, but is null')
})
