import { expect, it } from 'vitest'
import { calibrationCurve } from './calibration-curve.ts'
import { auc, rocCurve } from './roc.ts'

// The expected numbers are those of scikit-learn 1.2.1.

it('computes the curve and the area of scikit-learn, ties together', () => {
  const scores = [0.1, 0.4, 0.35, 0.8, 0.4, 0.9, 0.05, 0.65]
  const isPositive = [0, 0, 1, 1, 1, 1, 0, 0].map(Boolean)
  const { fpr, tpr, thresholds } = rocCurve(isPositive, scores)
  expect(fpr).toEqual([0, 0, 0, 0.25, 0.5, 0.5, 0.75, 1])
  expect(tpr).toEqual([0, 0.25, 0.5, 0.5, 0.75, 1, 1, 1])
  expect(thresholds).toEqual([Number.POSITIVE_INFINITY, 0.9, 0.8, 0.65, 0.4, 0.35, 0.1, 0.05])
  expect(auc(fpr, tpr)).toBe(0.78125)
})

it('puts probabilities into the bins of scikit-learn', () => {
  const probabilities = [0, 0.2, 0.2001, 0.5, 0.55, 0.61, 0.95, 1, 0.4, 0.33]
  const isTrue = [0, 0, 1, 0, 1, 1, 1, 1, 1, 0].map(Boolean)
  const { probTrue, probPred, counts } = calibrationCurve(isTrue, probabilities, 5)
  expect(probTrue).toEqual([0, 2 / 3, 0.5, 1, 1])
  for (const [i, expected] of [0.1, 0.3100333333333334, 0.525, 0.61, 0.975].entries()) {
    expect(probPred[i]).toBeCloseTo(expected, 12)
  }
  expect(counts).toEqual([2, 3, 2, 1, 2])
})

it('names bad input', () => {
  const code = (wanted: string) => expect.objectContaining({ code: wanted })
  expect(() => rocCurve([true, false], [1])).toThrow(code('SHAPE_MISMATCH'))
  expect(() => rocCurve([true, true], [1, 2])).toThrow(code('INVALID_ARGUMENT'))
  expect(() => rocCurve([true, false], [1, Number.NaN])).toThrow(code('INVALID_ARGUMENT'))
  expect(() => calibrationCurve([true], [0.1, 0.2])).toThrow(code('SHAPE_MISMATCH'))
  expect(() => calibrationCurve([true], [1.1])).toThrow(code('INVALID_ARGUMENT'))
  expect(() => calibrationCurve([true], [1], 0)).toThrow(code('INVALID_ARGUMENT'))
})
