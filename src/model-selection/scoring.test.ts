import { expect, test } from 'vitest'
import { toScorer } from './scoring.ts'

const truth = ['a', 'a', 'a', 'b']
const predicted = ['a', 'a', 'b', 'b']

test('scores by name', () => {
  expect(toScorer('accuracy')(truth, predicted)).toBe(0.75)
  expect(toScorer('balancedAccuracy')(truth, predicted)).toBeCloseTo((2 / 3 + 1) / 2, 14)
  expect(toScorer('f1Macro')(truth, predicted)).toBeCloseTo((0.8 + 2 / 3) / 2, 14)
  expect(toScorer('f1Weighted')(truth, predicted)).toBeCloseTo((3 * 0.8 + 2 / 3) / 4, 14)
})

test('balanced accuracy ignores classes that occur only in predictions', () => {
  expect(toScorer('balancedAccuracy')(['a', 'b'], ['a', 'c'])).toBe(0.5)
})

test('a custom scorer, and an unknown name', () => {
  const scorer = () => 1
  expect(toScorer(scorer)).toBe(scorer)
  expect(() => toScorer('auc' as never)).toThrow(
    'scoring must be a function or one of accuracy, balancedAccuracy',
  )
})
