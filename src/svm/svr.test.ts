import { describe, expect, test } from 'vitest'
import { dualObjective } from '../../test/support/dual-objective.ts'
import { distance, fixtures, toMatrix } from '../../test/support/more-fixtures.ts'
import { Matrix } from '../core/matrix.ts'
import { SVR, type SvrOptions } from './svr.ts'

describe.each(fixtures.regression)('matches scikit-learn on $name', ({ X, y, XTest, yTest, ...set }) => {
  const [train, unseen] = [toMatrix(X), toMatrix(XTest)]

  test.each(set.answers)('$options', async ({ options, ...answer }) => {
    const svrOptions = options as SvrOptions
    const svr = await new SVR(svrOptions).fit(train, y)
    const ours = regressionObjective(svr, y, svrOptions.epsilon ?? 0.1)
    expect(Math.abs(ours / answer.objective - 1)).toBeLessThan(1e-4)
    expect(Math.abs(svr.support.length - answer.nSupport)).toBeLessThanOrEqual(2)

    const settled = await new SVR({ ...svrOptions, tol: 1e-6 }).fit(train, y)
    expect(settled.fitStatus).toBe('converged')
    expect(distance(await settled.predict(unseen), answer.predictions)).toBeLessThan(5e-3)
    expect(settled.intercept).toBeCloseTo(answer.intercept, 2)
    expect(await settled.score(unseen, yTest)).toBeCloseTo(answer.score, 3)
  })

  test('sampleWeight, including zeros', async () => {
    const svr = await new SVR({ tol: 1e-6 }).fit(train, y, { sampleWeight: set.weights })
    expect(distance(await svr.predict(unseen), set.weighted)).toBeLessThan(5e-3)
    expect([...svr.support].every((row) => set.weights[row] > 0)).toBe(true)
  })
})

/** 1/2 b'Kb - y'b + epsilon |b|. */
function regressionObjective(svr: SVR, y: number[], epsilon: number): number {
  const { kernel, support, dualCoef } = svr.toState()
  let objective = dualObjective(svr.supportVectors, dualCoef, kernel)
  for (let s = 0; s < support.length; s++) {
    objective += epsilon * Math.abs(dualCoef[s]) - y[support[s]] * dualCoef[s]
  }
  return objective
}

describe('SVR', () => {
  const X = [[0], [1], [2], [3], [4]]
  const y = [0, 1, 2, 3, 4]

  test('the coefficients are within [-C, C] and sum to 0', async () => {
    const { X: rows, y: targets } = fixtures.regression[0]
    const { dualCoef } = (await new SVR({ C: 0.7 }).fit(toMatrix(rows), targets)).toState()
    expect(Math.max(...dualCoef.map(Math.abs))).toBeLessThanOrEqual(0.7)
    expect(dualCoef.reduce((sum, b) => sum + b, 0)).toBeCloseTo(0, 10)
  })

  test('a small cache gives the same function', async () => {
    const { regression } = fixtures
    const [rows, unseen] = [toMatrix(regression[1].X), toMatrix(regression[1].XTest)]
    const large = Array.from({ length: 5 }, () => [...rows.data]).flat()
    const many = new Matrix(Float32Array.from(large), rows.rows * 5, rows.cols)
    const targets = Array.from({ length: 5 }, () => regression[1].y).flat()
    const whole = await new SVR({ tol: 1e-6 }).fit(many, targets)
    const little = await new SVR({ tol: 1e-6, cacheSize: 0.01 }).fit(many, targets)
    expect(distance(await whole.predict(unseen), await little.predict(unseen))).toBeLessThan(1e-4)
  })

  test('a state gives the same estimator', async () => {
    const svr = await new SVR({ kernel: 'linear', C: 100 }).fit(X, y)
    const again = SVR.fromState(svr.toState())
    expect(await again.predict([[1.5]])).toEqual(await svr.predict([[1.5]]))
    expect(again.getParams()).toEqual(svr.getParams())
    expect((await svr.predict([[1.5]]))[0]).toBeCloseTo(1.5, 1)
  })

  test('targets within the epsilon tube give a constant', async () => {
    const svr = await new SVR({ epsilon: 10 }).fit(X, y)
    expect(svr.support).toHaveLength(0)
    expect(await svr.predict([[0], [9]])).toEqual([2, 2])
  })

  test('score() for a constant y', async () => {
    const svr = await new SVR().fit(X, [1, 1, 1, 1, 1])
    expect(await svr.score(X, [1, 1, 1, 1, 1])).toBe(1)
    expect(await svr.score(X, [2, 2, 2, 2, 2])).toBe(0)
  })

  test('throws for invalid input and names the argument', async () => {
    expect(() => new SVR({ epsilon: -1 })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', argument: 'epsilon' }),
    )
    expect(() => new SVR({ C: 0 })).toThrow(expect.objectContaining({ argument: 'C' }))
    expect(() => new SVR({ nu: 0.5 } as SvrOptions)).toThrow(expect.objectContaining({ argument: 'options' }))
    const fails = (fit: Promise<unknown>, code: string, argument: string) =>
      expect(fit).rejects.toMatchObject({ code, argument })
    await fails(new SVR().fit(X, [1, 2]), 'SHAPE_MISMATCH', 'y')
    await fails(new SVR().fit(X, [0, 1, Number.NaN, 3, 4]), 'NOT_FINITE', 'y[2]')
    await fails(new SVR().fit(X, ['0', 1, 2, 3, 4] as unknown as number[]), 'INVALID_ARGUMENT', 'y[0]')
    await fails(new SVR().fit([[0], [Number.POSITIVE_INFINITY]], [0, 1]), 'NOT_FINITE', 'X[1][0]')
    await expect(new SVR().predict(X)).rejects.toMatchObject({ code: 'NOT_FITTED' })
    const svr = await new SVR().fit(X, y)
    await fails(svr.predict([[1, 2]]), 'SHAPE_MISMATCH', 'X')
    svr.dispose()
    svr.dispose()
    await expect(svr.predict(X)).rejects.toMatchObject({ code: 'DISPOSED' })
    await expect(svr.fit(X, y)).rejects.toMatchObject({ code: 'DISPOSED' })
  })
})
