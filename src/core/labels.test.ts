import { expect, test } from 'vitest'
import { checkClasses, checkLabels, countCodes, encodeLabels } from './label-codes.ts'
import { uniqueLabels } from './labels.ts'

test('classes are sorted: numbers by value, strings by code unit', () => {
  expect(uniqueLabels([10, 9, -1, 2, 10])).toEqual([-1, 2, 9, 10])
  expect(uniqueLabels(['b', 'B', 'é', 'a', '10', '9'])).toEqual(['10', '9', 'B', 'a', 'b', 'é'])
})

test('codes are indexes into the sorted classes', () => {
  const encoded = encodeLabels(['dog', 'cat', 'dog'])
  expect(encoded.classes).toEqual(['cat', 'dog'])
  expect([...encoded.codes]).toEqual([1, 0, 1])
  expect([...countCodes(encoded)]).toEqual([1, 2])
})

test('throws for invalid labels and names the argument', () => {
  expect(() => uniqueLabels([1, Number.NaN])).toThrow(
    'y[1] must be a label: a string or a finite number, but is NaN',
  )
  expect(() => uniqueLabels(['a', 1])).toThrow('y[1] must be a string like y[0]')
  expect(() => checkLabels([1, 2], 3)).toThrow('y must have 3 labels, one for each row of X, but has 2')
  expect(() => checkLabels([], 0)).toThrow('at least one label')
  expect(() => checkLabels(null as never, 0)).toThrow('y must be an array of labels')
  expect(() => checkClasses(['cat'])).toThrow('y must hold at least two classes, but holds only "cat"')
})
