import { describe, expect, test } from 'vitest'
import { distance, fixtures, toMatrix } from '../../../test/support/more-fixtures.ts'
import { SVC, type SvcOptions } from '../svc.ts'

const { y, weights, answers } = fixtures.weighted
const [X, XTest] = [toMatrix(fixtures.weighted.X), toMatrix(fixtures.weighted.XTest)]

test.each(answers)('matches scikit-learn: $options', async ({ options, decisions, support }) => {
  const svc = await new SVC({ ...(options as SvcOptions), tol: 1e-6 }).fit(X, y, { sampleWeight: weights })
  const ours = await svc.decisionFunction(XTest, { shape: 'ovo' })
  expect(distance(ours.data, decisions)).toBeLessThan(5e-3)
  // scikit-learn numbers only the rows with a weight above 0; our numbers refer to all rows of X.
  const kept = [...y.keys()].filter((row) => weights[row] > 0)
  const missing = support.filter((place) => !svc.support.includes(kept[place]))
  expect(missing.length).toBeLessThanOrEqual(1)
  expect([...svc.support].every((row) => weights[row] > 0)).toBe(true)
})

describe('sampleWeight', () => {
  test('of 1 changes nothing', async () => {
    const one = await new SVC().fit(X, y)
    const other = await new SVC().fit(X, y, { sampleWeight: new Float32Array(X.rows).fill(1) })
    expect(other.dualCoef).toEqual(one.dualCoef)
    expect(other.intercept).toEqual(one.intercept)
  })

  test('of a whole number equals repeating the row', async () => {
    const sampleWeight = y.map((_, row) => row % 4)
    const rows = sampleWeight.flatMap((weight, row) => new Array<number>(weight).fill(row))
    const options = { tol: 1e-6, gamma: 0.3 }
    const one = await new SVC(options).fit(X, y, { sampleWeight })
    const repeated = await new SVC(options).fit(
      X.select(rows),
      rows.map((row) => y[row]),
    )
    const [a, b] = [await one.decisionFunction(XTest), await repeated.decisionFunction(XTest)]
    expect(distance(a.data, b.data)).toBeLessThan(1e-3)
  })

  test('of 0 leaves a row out, whatever its values', async () => {
    const odd = X.select([...y.keys(), 0])
    odd.row(X.rows).fill(3e37)
    const svc = await new SVC({ gamma: 0.3, tol: 1e-6 }).fit(odd, [...y, y[0]], {
      sampleWeight: [...y.map(() => 1), 0],
    })
    const without = await new SVC({ gamma: 0.3, tol: 1e-6 }).fit(X, y)
    const [a, b] = [await svc.decisionFunction(XTest), await without.decisionFunction(XTest)]
    expect(distance(a.data, b.data)).toBeLessThan(1e-6)
  })

  test.each([
    ['a negative weight', [1, 1, -1, 1], 'INVALID_ARGUMENT', 'sampleWeight[2]'],
    ['a weight that is not a number', [1, Number.NaN, 1, 1], 'INVALID_ARGUMENT', 'sampleWeight[1]'],
    ['an infinite weight', [1, 1, 1, Number.POSITIVE_INFINITY], 'INVALID_ARGUMENT', 'sampleWeight[3]'],
    ['only zeros', [0, 0, 0, 0], 'INVALID_ARGUMENT', 'sampleWeight'],
    ['a class without weight', [1, 1, 0, 0], 'INVALID_ARGUMENT', 'sampleWeight'],
    ['too few weights', [1, 1], 'SHAPE_MISMATCH', 'sampleWeight'],
    ['a value that is not a list', 1, 'INVALID_ARGUMENT', 'sampleWeight'],
  ])('%s', async (_, sampleWeight, code, argument) => {
    const fit = new SVC().fit([[0], [1], [2], [3]], ['a', 'a', 'b', 'b'], {
      sampleWeight: sampleWeight as number[],
    })
    await expect(fit).rejects.toMatchObject({ code, argument })
  })

  test('names a class without any weight', async () => {
    const fit = new SVC().fit([[0], [1], [2]], ['a', 'b', 'c'], { sampleWeight: [1, 0, 1] })
    await expect(fit).rejects.toThrow('class "b"')
  })
})
