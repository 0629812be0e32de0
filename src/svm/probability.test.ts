import { describe, expect, test } from 'vitest'
import { distance, fixtures, toMatrix } from '../../test/support/more-fixtures.ts'
import { Matrix } from '../core/matrix.ts'
import { Random } from '../core/random.ts'
import { coupleProbabilities } from '../engine/decision/coupling.ts'
import { fitSigmoid, sigmoid } from '../engine/decision/platt.ts'
import { TimeSlice } from '../engine/wasm/time-slice.ts'
import { SVC } from './public-svc.ts'

const { machines: cases, sigmoids } = fixtures.probabilities

describe('Platt scaling', () => {
  test.each(sigmoids)('the sigmoid of $firsts rows and others matches scikit-learn', async (fixture) => {
    const { a, b } = await fitSigmoid(Float64Array.from(fixture.decisions), fixture.firsts, new TimeSlice())
    expect(a).toBeCloseTo(fixture.a, 3)
    expect(b).toBeCloseTo(fixture.b, 3)
  })

  test('uninformative decision values give nearly the class frequencies', async () => {
    const { a, b } = await fitSigmoid(new Float64Array(40), 10, new TimeSlice())
    expect(a).toBe(0)
    expect(sigmoid(0, a, b)).toBeCloseTo((10 * (11 / 12) + 30 * (1 / 32)) / 40, 4)
  })

  test('never overflows', () => {
    expect([sigmoid(1e300, -1, 0), sigmoid(-1e300, -1, 0), sigmoid(0, -1, 0)]).toEqual([1, 0, 0.5])
  })
})

describe.each(cases)('$name', ({ classes, ...fixture }) => {
  const [X, XTest] = [toMatrix(fixture.X), toMatrix(fixture.XTest)]

  test('couples pairs as LIBSVM does', () => {
    const own = { a: Float64Array.from(fixture.a), b: Float64Array.from(fixture.b) }
    const coupled = coupleProbabilities(Float64Array.from(fixture.decisions), classes, own)
    // The LIBSVM in scikit-learn couples two classes as well, and stops at 0.0025; LIBSVM 3.31 and newer use the
    // sigmoid.
    expect(distance(coupled, fixture.coupled)).toBeLessThan(classes === 2 ? 5e-3 : 1e-5)
  })

  test('probabilities match scikit-learn except for the random folds', async () => {
    const svc = await new SVC({ probability: true }).fit(X, fixture.y)
    const proba = await svc.predictProba(XTest)
    expect([proba.rows, proba.cols]).toEqual([XTest.rows, classes])
    const mean = proba.data.reduce((sum, p, i) => sum + Math.abs(p - fixture.mean[i]), 0) / proba.data.length
    expect(mean).toBeLessThan(0.03)
    for (let row = 0; row < proba.rows; row++) {
      expect(proba.row(row).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5)
      expect(Math.min(...proba.row(row))).toBeGreaterThan(0)
    }
    const loss = (p: ArrayLike<number>) =>
      fixture.yTest.reduce((sum, label, row) => sum - Math.log(p[row * classes + label]), 0) / XTest.rows
    expect(loss(proba.data)).toBeLessThan(loss(fixture.coupled) + 0.03)
    const labels = await svc.predict(XTest)
    const same = labels.filter((label, row) => {
      const own = proba.row(row)
      return svc.classes[own.indexOf(Math.max(...own))] === label
    })
    expect(same.length / labels.length).toBeGreaterThan(0.9)
  })
})

describe('SVC with probability', () => {
  const { X: given, y, XTest: unseen } = cases[1]
  const [X, XTest] = [toMatrix(given), toMatrix(unseen)]

  test('has the same decision values as without, and the same bits for the same seed', async () => {
    const plain = await new SVC().fit(X, y)
    const one = await new SVC({ probability: true, randomState: 3 }).fit(X, y)
    const same = await new SVC({ probability: true, randomState: 3 }).fit(X, y)
    const other = await new SVC({ probability: true, randomState: 4 }).fit(X, y)
    expect(one.intercept).toEqual(plain.intercept)
    expect(one.dualCoef).toEqual(plain.dualCoef)
    expect(one.nIter).toEqual(plain.nIter)
    const proba = await one.predictProba(XTest)
    expect(await same.predictProba(XTest)).toEqual(proba)
    expect(distance((await other.predictProba(XTest)).data, proba.data)).toBeGreaterThan(1e-4)
  })

  test('gives the same from a small row cache as from whole blocks', async () => {
    const rows = Array.from({ length: 6 }, () => [...X.data]).flat()
    const many = Array.from({ length: 6 * X.rows }, (_, i) => rows.slice(i * X.cols, (i + 1) * X.cols))
    const labels = Array.from({ length: 6 }, () => y).flat()
    const options = { probability: true, tol: 1e-6 }
    const whole = await new SVC(options).fit(many, labels)
    const little = await new SVC({ ...options, cacheSize: 0.01 }).fit(many, labels)
    const [one, two] = [await whole.predictProba(XTest), await little.predictProba(XTest)]
    expect(distance(one.data, two.data)).toBeLessThan(1e-4)
  })

  test('decision values of held-out rows come from a model that was not trained on them', async () => {
    // A model fitted with weight 0 for the held-out rows is a model without them.
    const two = y.map((label) => Math.min(label, 1))
    const svc = await new SVC({ probability: true, gamma: 0.5, tol: 1e-6 }).fit(X, two)
    const { dealFolds } = await import('../core/folds.ts')
    const groups = [0, 1].map((c) => Int32Array.from(two.keys()).filter((row) => two[row] === c))
    const folds = dealFolds(groups, X.rows, 5, 0)
    const decisions = new Float64Array(X.rows)
    const places = [...groups[0], ...groups[1]]
    for (let fold = 0; fold < 5; fold++) {
      const sampleWeight = [...folds].map((own) => (own === fold ? 0 : 1))
      const held = await new SVC({ gamma: 0.5, tol: 1e-6 }).fit(X, two, { sampleWeight })
      const { data } = await held.decisionFunction(X)
      for (const [place, row] of places.entries()) if (folds[row] === fold) decisions[place] = -data[row]
    }
    const { a, b } = await fitSigmoid(decisions, groups[0].length, new TimeSlice())
    const own = svc.toState().sigmoids!
    expect(own.a[0]).toBeCloseTo(a, 3)
    expect(own.b[0]).toBeCloseTo(b, 3)
  })

  test('is kept by a state, a LIBSVM text and an ONNX model', async () => {
    const svc = await new SVC({ probability: true }).fit(X, y)
    const proba = await svc.predictProba(XTest)
    expect(await SVC.fromState(svc.toState()).predictProba(XTest)).toEqual(proba)
    const text = SVC.fromLibsvm(svc.toLibsvm())
    expect(distance((await text.predictProba(XTest)).data, proba.data)).toBeLessThan(1e-5)
    const onnx = await SVC.fromOnnx(await svc.toOnnx())
    expect(distance((await onnx.predictProba(XTest)).data, proba.data)).toBeLessThan(1e-4)
  })

  test('works for classes of one and two rows', async () => {
    const few = X.select([0, 1, 2, 3, 4, 5, 6, 7])
    const svc = await new SVC({ probability: true }).fit(few, [0, 1, 1, 1, 1, 1, 2, 2])
    const proba = await svc.predictProba(few)
    expect(proba.data.every((p) => p > 0 && p < 1)).toBe(true)
  })

  test('throws for a model without probabilities', async () => {
    const svc = await new SVC().fit(X, y)
    await expect(svc.predictProba(XTest)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      argument: 'probability',
    })
    await expect(new SVC({ probability: true }).predictProba(X)).rejects.toMatchObject({ code: 'NOT_FITTED' })
    expect(() => new SVC({ probability: 1 as unknown as boolean })).toThrow(
      expect.objectContaining({ argument: 'probability' }),
    )
    expect(() => new SVC({ randomState: -1 })).toThrow(expect.objectContaining({ argument: 'randomState' }))
  })
})

test('probabilities do not depend on whether kernel rows or whole blocks are computed', async () => {
  // So well separated that each pair needs few rows, while its folds request more than the limit for a pair.
  const random = new Random(1)
  const rows = 1200
  const y = Array.from({ length: rows }, (_, row) => row % 3)
  const X = new Matrix(new Float32Array(rows * 6), rows, 6)
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < 6; k++) X.data[row * 6 + k] = random.below(1e6) / 1e6 + (k === y[row] ? 0.8 : 0)
  }
  const byRows = await new SVC({ probability: true }).fit(X, y)
  // No room for blocks.
  const onlyRows = await new SVC({ probability: true, cacheSize: 0.05 }).fit(X, y)
  const expected = (await onlyRows.predictProba(X)).data
  const found = (await byRows.predictProba(X)).data
  expect(Math.max(...found.map((value, at) => Math.abs(value - expected[at])))).toBeLessThan(0.01)
})
