import { expect, it } from 'vitest'
import { isBetter, isUnclear, validationOf } from './compared-networks.ts'

/** 20 images, of which some are labelled correctly by one network alone. */
const fold = (tunedAlone: number, frozenAlone: number) => ({
  tuned: Array.from({ length: 20 }, (_, i) => i >= frozenAlone),
  frozen: Array.from({ length: 20 }, (_, i) => i < 20 - tunedAlone),
  softmax: Array.from({ length: 20 }, (_, i) => i < 5),
})

it('adds up the images of several trainings', () => {
  const found = validationOf([fold(4, 1), fold(3, 2)], [7, 8])
  expect(found).toMatchObject({ images: 40, folds: 2, rows: [7, 8], softmax: 0.25 })
  expect(found.tuned).toBeCloseTo(37 / 40)
  expect(found.frozen).toBeCloseTo(33 / 40)
  // 7 gained and 3 lost: sqrt(10 - 4^2 / 40) / 40.
  expect(found.standardError).toBeCloseTo(Math.sqrt(9.6) / 40)
})

it.each([
  [0, 0, false, false],
  [5, 4, false, true],
  [5, 3, false, true],
  [6, 2, true, true],
  [2, 6, false, true],
  [9, 1, true, false],
  [1, 9, false, false],
])('%i images gained and %i lost: better %o, unclear %o', (gained, lost, better, unclear) => {
  const found = validationOf([fold(gained, lost)], [])
  expect([isBetter(found), isUnclear(found)]).toEqual([better, unclear])
})
