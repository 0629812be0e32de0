import { expect, test } from 'vitest'
import { wilsonInterval } from './wilson-interval.ts'

test.each([
  // statsmodels' proportion_confint(right, total, method='wilson')
  [0, 10, 0, 0.2775327998628892],
  [1, 1, 0.20654931437723767, 1],
  [8, 10, 0.4901624715366637, 0.9433178485456247],
  [689, 700, 0.9720849598, 0.9912],
])('of %i of %i is %f to %f', (right, total, low, high) => {
  const [from, to] = wilsonInterval(right, total)
  expect(from).toBeCloseTo(low, 3)
  expect(to).toBeCloseTo(high, 3)
})

test('is symmetric for the complement', () => {
  const [low, high] = wilsonInterval(13, 40)
  const [from, to] = wilsonInterval(27, 40)
  expect(from).toBeCloseTo(1 - high, 12)
  expect(to).toBeCloseTo(1 - low, 12)
})

test.each([
  [1, 0, 'total'],
  [-1, 5, 'right'],
  [6, 5, 'right'],
  [0.5, 5, 'right'],
])('throws for %f of %f', (right, total, argument) => {
  expect(() => wilsonInterval(right, total)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', argument }),
  )
})
