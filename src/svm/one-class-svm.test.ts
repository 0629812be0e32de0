import { describe, expect, test } from 'vitest'
import { dualObjective } from '../../test/support/dual-objective.ts'
import { distance, fixtures, toMatrix } from '../../test/support/more-fixtures.ts'
import { OneClassSVM, type OneClassSvmOptions } from './one-class-svm.ts'

const { answers } = fixtures.oneClass
const [X, XTest] = [toMatrix(fixtures.oneClass.X), toMatrix(fixtures.oneClass.XTest)]

test.each(answers)('matches scikit-learn: $options', async ({ options, ...answer }) => {
  const svmOptions = options as OneClassSvmOptions
  const { kernel, dualCoef, supportVectors } = (await new OneClassSVM(svmOptions).fit(X)).toState()
  const objective = dualObjective(supportVectors, dualCoef, kernel)
  expect(Math.abs(objective / answer.objective - 1)).toBeLessThan(1e-4)

  const settled = await new OneClassSVM({ ...svmOptions, tol: 1e-7 }).fit(X)
  const size = Math.max(1, Math.abs(answer.offset))
  expect(Math.abs(settled.offset - answer.offset)).toBeLessThan(5e-3 * size)
  const decisions = await settled.decisionFunction(XTest)
  expect([decisions.rows, decisions.cols]).toEqual([XTest.rows, 1])
  expect(distance(decisions.data, answer.decisions)).toBeLessThan(5e-3 * size)
  expect(distance((await settled.scoreSamples(XTest)).data, answer.scores)).toBeLessThan(5e-3 * size)
  const predictions = await settled.predict(XTest)
  const other = predictions.filter((value, row) => value !== answer.predictions[row])
  expect(other).toHaveLength(0)
})

describe('OneClassSVM', () => {
  test('at most nu of the rows lie outside, at least nu are support vectors, and the coefficients sum to nu times the rows', async () => {
    for (const nu of [0.03, 0.2, 0.5, 0.95]) {
      const svm = await new OneClassSVM({ nu }).fit(X)
      const { dualCoef } = svm.toState()
      expect(Math.max(...dualCoef)).toBeLessThanOrEqual(1)
      expect(Math.min(...dualCoef)).toBeGreaterThan(0)
      expect(dualCoef.reduce((sum, b) => sum + b, 0)).toBeCloseTo(nu * X.rows, 8)
      const { data } = await svm.decisionFunction(X)
      // Free support vectors lie on the boundary, within the tolerance.
      const outside = data.filter((value) => value < -1e-2).length
      expect(outside).toBeLessThanOrEqual(nu * X.rows)
      expect(svm.support.length).toBeGreaterThanOrEqual(nu * X.rows)
    }
  })

  test('with nu = 1 every row is a support vector', async () => {
    const svm = await new OneClassSVM({ nu: 1 }).fit(X)
    expect(svm.support).toHaveLength(X.rows)
    expect(Number.isFinite(svm.offset)).toBe(true)
  })

  test('rows of weight 0 are left out, and whole weights equal repeated rows', async () => {
    const weights = Array.from({ length: X.rows }, (_, row) => row % 3)
    const weighted = await new OneClassSVM({ tol: 1e-7, gamma: 0.1 }).fit(X, { sampleWeight: weights })
    const rows = weights.flatMap((weight, row) => new Array(weight).fill(row))
    const repeated = await new OneClassSVM({ tol: 1e-7, gamma: 0.1 }).fit(X.select(rows))
    const [one, other] = [await weighted.decisionFunction(XTest), await repeated.decisionFunction(XTest)]
    expect(distance(one.data, other.data)).toBeLessThan(1e-3)
  })

  test('a state gives the same estimator', async () => {
    const svm = await new OneClassSVM({ nu: 0.2 }).fit(X)
    const again = OneClassSVM.fromState(svm.toState())
    expect((await again.decisionFunction(XTest)).data).toEqual((await svm.decisionFunction(XTest)).data)
    expect(svm.clone({ nu: 0.3 }).getParams()).toEqual({ ...svm.getParams(), nu: 0.3 })
  })

  test('throws for invalid input and names the argument', async () => {
    for (const nu of [0, -1, 1.1, Number.NaN, '0.5' as unknown as number]) {
      expect(() => new OneClassSVM({ nu })).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', argument: 'nu' }),
      )
    }
    expect(() => new OneClassSVM({ C: 1 } as OneClassSvmOptions)).toThrow(
      expect.objectContaining({ argument: 'options' }),
    )
    await expect(new OneClassSVM().fit([[1], [Number.NaN]])).rejects.toMatchObject({
      code: 'NOT_FINITE',
      argument: 'X[1][0]',
    })
    await expect(new OneClassSVM().fit([])).rejects.toMatchObject({ code: 'EMPTY_INPUT' })
    await expect(new OneClassSVM().predict(X)).rejects.toMatchObject({ code: 'NOT_FITTED' })
  })
})
