import { describe, expect, test } from 'vitest'
import { distance, fixtures, toMatrix } from '../../test/support/more-fixtures.ts'
import { Matrix } from '../core/matrix.ts'
import { GridSearchCV } from '../model-selection/grid-search.ts'
import { OneClassSVM } from './one-class-svm.ts'
import { SVC } from './svc.ts'
import { SVR } from './svr.ts'

const { y, ...fixture } = fixtures.precomputed
const [X, XTest] = [toMatrix(fixture.X), toMatrix(fixture.XTest)]

/** (x.z / 3 + 1)^2 for all rows of a and all rows of b. */
function kernel(a: Matrix, b: Matrix): Matrix {
  const out = new Matrix(new Float32Array(a.rows * b.rows), a.rows, b.rows)
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.rows; j++) {
      const dot = a.row(i).reduce((sum, value, k) => sum + value * b.row(j)[k], 0)
      out.row(i)[j] = (dot / 3 + 1) ** 2
    }
  }
  return out
}

const K = kernel(X, X)
const KTest = kernel(XTest, X)
const options = { kernel: 'precomputed', tol: 1e-6 } as const

describe('precomputed', () => {
  test('SVC matches scikit-learn', async () => {
    const svc = await new SVC(options).fit(K, y)
    const decisions = await svc.decisionFunction(KTest, { shape: 'ovo' })
    expect(distance(decisions.data, fixture.decisions)).toBeLessThan(5e-3)
    expect([...svc.support].filter((row) => !fixture.support.includes(row)).length).toBeLessThanOrEqual(1)
    expect([svc.supportVectors.rows, svc.supportVectors.cols]).toEqual([svc.support.length, 0])
  })

  test('SVR and OneClassSVM match scikit-learn', async () => {
    const svr = await new SVR(options).fit(
      K,
      Array.from({ length: X.rows }, (_, row) => X.row(row)[0]),
    )
    expect(distance(await svr.predict(KTest), fixture.regression)).toBeLessThan(5e-3)
    const one = await new OneClassSVM({ ...options, tol: 1e-7, nu: 0.2 }).fit(K)
    expect(distance((await one.decisionFunction(KTest)).data, fixture.oneClass)).toBeLessThan(2e-2)
  })

  test('equals the poly kernel whose values it received', async () => {
    const poly = { kernel: 'poly', gamma: 1 / 3, coef0: 1, degree: 2, tol: 1e-6 } as const
    const [expected, precomputed] = [await new SVC(poly).fit(X, y), await new SVC(options).fit(K, y)]
    expect(await precomputed.predict(KTest)).toEqual(await expected.predict(XTest))
    const values = [await expected.decisionFunction(XTest), await precomputed.decisionFunction(KTest)]
    expect(distance(values[0].data, values[1].data)).toBeLessThan(2e-3)
  })

  test('works with a small row cache', async () => {
    const rows = Array.from({ length: 5 }, () => [...X.data]).flat()
    const large = new Matrix(Float32Array.from(rows), 5 * X.rows, X.cols)
    const labels = Array.from({ length: 5 }, () => y).flat()
    const whole = await new SVC(options).fit(kernel(large, large), labels)
    const little = await new SVC({ ...options, cacheSize: 0.01 }).fit(kernel(large, large), labels)
    const unseen = kernel(XTest, large)
    const [a, b] = [await whole.decisionFunction(unseen), await little.decisionFunction(unseen)]
    expect(distance(a.data, b.data)).toBeLessThan(1e-4)
  })

  test('accepts values of any magnitude', async () => {
    const svc = await new SVC({ ...options, C: 1 }).fit(K, y)
    const expected = await svc.predict(KTest)
    for (const size of [2 ** 90, 2 ** -90]) {
      const scaled = (matrix: Matrix) =>
        new Matrix(
          matrix.data.map((v) => v * size),
          matrix.rows,
          matrix.cols,
        )
      const other = await new SVC({ ...options, C: 1 / size }).fit(scaled(K), y)
      expect(await other.predict(scaled(KTest))).toEqual(expected)
    }
  })

  test('works with probabilities, weights and a warm start', async () => {
    const sampleWeight = y.map((_, row) => row % 3)
    const svc = await new SVC({ ...options, probability: true }).fit(K, y, { sampleWeight })
    const proba = await svc.predictProba(KTest)
    expect(proba.row(0).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5)
    const before = svc.nIter.reduce((sum, n) => sum + n, 0)
    await svc.fit(K, y, { sampleWeight, warmStart: true })
    expect(svc.nIter.reduce((sum, n) => sum + n, 0)).toBeLessThan(before / 4)
    expect(await SVC.fromState(svc.toState()).predictProba(KTest)).toEqual(await svc.predictProba(KTest))
  })

  test('a grid search selects the rows and columns of each fold', async () => {
    const grid = { C: [0.01, 1, 10] }
    const poly = { kernel: 'poly', gamma: 1 / 3, coef0: 1, degree: 2 } as const
    const expected = await new GridSearchCV(new SVC(poly), grid, { cv: 3 }).fit(X, y)
    const precomputed = await new GridSearchCV(new SVC({ kernel: 'precomputed' }), grid, { cv: 3 }).fit(K, y)
    expect(precomputed.cvResults).toEqual(expected.cvResults)
    expect(await precomputed.predict(KTest)).toEqual(await expected.predict(XTest))
  })

  test('rejects kernel matrices that are not square, and rows of the wrong width', async () => {
    const wrong = { code: 'SHAPE_MISMATCH', argument: 'X' }
    await expect(new SVC(options).fit(KTest, y.slice(0, KTest.rows))).rejects.toMatchObject(wrong)
    await expect(new SVC(options).fit(KTest, y.slice(0, KTest.rows))).rejects.toThrow('90 x 150')
    await expect(new SVR(options).fit([[1, 2]], [1])).rejects.toMatchObject(wrong)
    await expect(new OneClassSVM(options).fit([[1, 2]])).rejects.toMatchObject(wrong)
    const search = new GridSearchCV(new SVC(options), { C: [1] }, { cv: 2 })
    await expect(search.fit(KTest, y.slice(0, KTest.rows))).rejects.toMatchObject(wrong)
    const svc = await new SVC(options).fit(K, y)
    await expect(svc.predict(X)).rejects.toMatchObject(wrong)
    await expect(svc.predict(X)).rejects.toThrow('150 columns')
  })

  test('cannot be saved to a file', async () => {
    const svc = await new SVC(options).fit(K, y)
    expect(() => svc.toLibsvm()).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }))
    await expect(svc.toOnnx()).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' })
  })
})
