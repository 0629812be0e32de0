import { describe, expect, it, test } from 'vitest'
import { solutionOf, type Target } from '../../test/interop/hard-problems.ts'
import { builds } from '../../test/support/builds.ts'
import { clouds } from '../../test/support/clouds.ts'
import { kernelMatrix } from '../../test/support/kernel-matrix.ts'
import { Matrix } from '../core/matrix.ts'
import { GridSearchCV } from '../model-selection/grid-search.ts'
import { StratifiedKFold } from '../model-selection/splits/stratified-k-fold.ts'
import { OneClassSVM } from './one-class-svm.ts'
import { SVC, type SvcOptions } from './svc.ts'
import { SVR } from './svr.ts'

const moved = ({ rows, cols, data }: Matrix, by: number) =>
  new Matrix(
    data.map((value) => value + by),
    rows,
    cols,
  )

/** Kernels whose values lie close together, and the distance of the rows from the origin. */
const close: { options: SvcOptions & { C: number }; offset: number }[] = [
  { options: { kernel: 'poly', coef0: 1000, C: 1e-5 }, offset: 0 },
  { options: { kernel: 'poly', coef0: 1e6, degree: 2, C: 1e-3 }, offset: 0 },
  { options: { kernel: 'rbf', gamma: 1e-6, C: 1e7 }, offset: 0 },
  { options: { kernel: 'rbf', gamma: 1e-8, C: 1e7 }, offset: 0 },
  { options: { kernel: 'rbf', gamma: 1e-8, C: 1e9 }, offset: 0 },
  { options: { kernel: 'sigmoid', gamma: 1e-6, coef0: 0.5, C: 1e6 }, offset: 0 },
  { options: { kernel: 'rbf', C: 10 }, offset: 1000 },
  { options: { kernel: 'linear', C: 1 }, offset: 1000 },
  { options: { kernel: 'poly', C: 1e-12 }, offset: 1000 },
]

/** The violation of the optimality conditions, with kernel values in float64. */
function violation(state: ReturnType<SVC['toState']>, X: Matrix, target: Omit<Target, 'K'>): number {
  return solutionOf(state, { ...target, K: kernelMatrix(X, X, state.kernel).values }).gap
}

const train = clouds(300, 2, 0)
const unseen = clouds(300, 2, 1e6)

describe.each(builds)('kernel values that lie close together, %s build', (simd) => {
  it.each(close)(
    '$options, offset $offset: the solution satisfies the conditions in float64',
    async ({ options, offset }) => {
      const X = moved(train.X, offset)
      using svc = await new SVC({ ...options, simd }).fit(X, train.codes)
      expect(svc.fitStatus).toBe('converged')
      const target = {
        y: Float64Array.from(train.codes),
        epsilon: 0,
        bounds: train.codes.map(() => options.C),
      }
      expect(violation(svc.toState(), X, { ...target, estimator: 'SVC' })).toBeLessThan(2e-3)
      // The decision values match the model evaluated in float64.
      const state = svc.toState()
      const test = moved(unseen.X, offset)
      const { values } = kernelMatrix(test, state.supportVectors, svc.toState().kernel)
      const decisions = await svc.decisionFunction(test)
      const b = state.dualCoef
      for (const [row, kernel] of values.entries()) {
        const wanted = kernel.reduce((sum, value, s) => sum + value * b[s], state.intercept[0])
        if (!(Math.abs(-decisions.data[row] - wanted) < 5e-3)) expect(-decisions.data[row]).toBe(wanted)
      }
      expect(await svc.score(test, unseen.codes)).toBeGreaterThan(0.65)
    },
  )

  it.each(close.slice(0, 3))(
    '$options: a grid search gives the same score as separate fits',
    async ({ options }) => {
      const { C, ...rest } = options
      const cv = new StratifiedKFold({ nSplits: 3 })
      using search = new GridSearchCV(new SVC({ ...rest, simd }), { C: [C] }, { cv })
      await search.fit(train.X, train.codes)
      const scores: number[] = []
      for (const { train: own, test } of cv.split(train.X, train.codes)) {
        const pick = (rows: Int32Array) => Array.from(rows, (row) => train.codes[row])
        using svc = await new SVC({ ...options, simd }).fit(train.X.select(own), pick(own))
        scores.push(await svc.score(train.X.select(test), pick(test)))
      }
      expect(search.bestScore).toBeCloseTo(scores.reduce((sum, score) => sum + score, 0) / 3, 12)
    },
  )

  it.each(['linear', 'poly', 'rbf', 'sigmoid'] as const)(
    'OneClassSVM, %s, rows far from the origin',
    async (kernel) => {
      const X = moved(train.X, 300)
      const gamma = kernel === 'sigmoid' ? 1e-6 : 1e-4
      using svm = await new OneClassSVM({ kernel, gamma, degree: 2, nu: 0.3, simd }).fit(X)
      expect(svm.fitStatus).toBe('converged')
      const { values: K } = kernelMatrix(X, X, svm.toState().kernel)
      const solution = { y: new Float64Array(X.rows), bounds: train.codes.map(() => 1), epsilon: 0, K }
      expect(solutionOf(svm.toState(), { ...solution, estimator: 'OneClassSVM' }).gap).toBeLessThan(2e-3)
    },
  )
})

test('a state gives the same bits, also where decisions are computed in float64', async () => {
  using svc = await new SVC({ kernel: 'rbf', gamma: 1e-8, C: 1e9 }).fit(train.X, train.codes)
  using again = await SVC.fromOnnx(await svc.toOnnx({ onWarning: () => {} }))
  expect(await again.decisionFunction(unseen.X)).toEqual(await svc.decisionFunction(unseen.X))
})

describe('when precision is exhausted', () => {
  const rows = new Matrix(
    train.X.data.map((value, at) => value * (at % 2 === 0 ? 1e7 : 1)),
    train.X.rows,
    train.X.cols,
  )

  it('fitStatus reports it, with a warning', async () => {
    const warnings: string[] = []
    const onWarning = (message: string) => warnings.push(message)
    using svc = await new SVC({ kernel: 'linear', C: 1000, maxIter: 100000 }).fit(rows, train.codes, {
      onWarning,
    })
    expect(['imprecise', 'maxIter']).toContain(svc.fitStatus)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(/^softmargin: fitStatus is 'imprecise': .* % of the margin/)
    using again = await SVC.fromOnnx(await svc.toOnnx({ onWarning: () => {} }))
    expect(again.fitStatus).toBe(svc.fitStatus)
  })

  it('SVR, linear, C much larger than the coefficients: more iterations never make the function worse', async () => {
    const huge = new Matrix(
      train.X.data.map((value) => value * 1e9),
      train.X.rows,
      train.X.cols,
    ).select(Int32Array.from({ length: 60 }, (_, row) => row))
    // Other numbers than the rows explain, so that many rows stay outside the tube.
    const y = Float64Array.from(
      { length: 60 },
      (_, row) => 100 * Math.sin(row * row) + 100 * train.codes[row],
    )
    const target = {
      K: kernelMatrix(huge, huge, { kind: 'linear', gamma: 1, coef0: 0, degree: 3 }).values,
      ...{ y, estimator: 'SVR' as const, epsilon: 20, bounds: Array<number>(60).fill(500) },
    }
    const objectives: number[] = []
    const statuses: string[] = []
    // A step over all free points comes after 1,000 iterations for the first time.
    for (const maxIter of [999, 1001, 1100, 2000, 10_000, -1]) {
      using svr = await new SVR({ kernel: 'linear', C: 500, epsilon: 20, maxIter }).fit(huge, y, {
        onWarning: () => {},
      })
      objectives.push(solutionOf(svr.toState(), target).objective)
      statuses.push(svr.fitStatus)
    }
    expect(objectives[0]).toBeLessThan(0)
    for (const [k, objective] of objectives.slice(1).entries()) {
      expect(objective).toBeLessThanOrEqual(objectives[k] * (1 - 1e-9))
    }
    expect(statuses).toEqual([...Array(5).fill('maxIter'), 'imprecise'])
  })

  it('there is no warning otherwise', async () => {
    const warnings: string[] = []
    const onWarning = (message: string) => warnings.push(message)
    using svc = await new SVC().fit(train.X, train.codes, { onWarning })
    await svc.toOnnx({ onWarning })
    expect([svc.fitStatus, warnings]).toEqual(['converged', []])
  })
})

test('warns that a saved file gives other results when evaluated in float32', async () => {
  const warnings: string[] = []
  using svc = await new SVC({ kernel: 'rbf', gamma: 1e-8, C: 1e9 }).fit(train.X, train.codes)
  await svc.toOnnx({ onWarning: (message) => warnings.push(message) })
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toMatch(/plain float32 gives \d+ of \d+ support vectors another label/)
})

describe('numbers beyond float32', () => {
  it('SVR without support vectors returns its constant', async () => {
    for (const kernel of ['linear', 'poly', 'rbf', 'sigmoid'] as const) {
      using svr = await new SVR({ kernel, epsilon: 10 }).fit(train.X, train.codes)
      expect(svr.support).toHaveLength(0)
      const predicted = await svr.predict(unseen.X)
      expect(predicted.every((value) => value === svr.intercept && Number.isFinite(value))).toBe(true)
    }
  })

  it('predict rejects decision values beyond float32, as fit does', async () => {
    const far = new Matrix(
      unseen.X.data.map((value) => value * 1e5),
      unseen.X.rows,
      unseen.X.cols,
    )
    const options = { kernel: 'poly', degree: 10, gamma: 1 } as const
    const refused = { code: 'INVALID_ARGUMENT', argument: 'X' }
    using svc = await new SVC({ ...options, probability: true }).fit(train.X, train.codes)
    await expect(svc.predict(far)).rejects.toMatchObject(refused)
    await expect(svc.predictProba(far)).rejects.toMatchObject(refused)
    await expect(svc.decisionFunction(far)).rejects.toMatchObject(refused)
    await expect(new SVC(options).fit(far, unseen.codes)).rejects.toMatchObject(refused)
    using svr = await new SVR(options).fit(train.X, train.codes)
    await expect(svr.predict(far)).rejects.toMatchObject(refused)
    using svm = await new OneClassSVM(options).fit(train.X)
    await expect(svm.predict(far)).rejects.toMatchObject(refused)
    expect((await svc.predict(unseen.X)).length).toBe(unseen.X.rows)
  })

  it('accepts rows whose squares alone exceed float32', async () => {
    using svc = await new SVC({ kernel: 'rbf' }).fit(train.X, train.codes)
    const far = new Matrix(new Float32Array(6).fill(1e30), 1, 6)
    expect((await svc.decisionFunction(far)).data[0]).toBeCloseTo(svc.intercept[0], 5)
  })

  it('the constructor rejects gamma, coef0 and degree beyond float32', () => {
    for (const bad of [
      { gamma: 1e39 },
      { gamma: 1e-40 },
      { coef0: 1e39 },
      { degree: 2 ** 32 },
      { degree: 2 ** 24 + 1 },
    ]) {
      const [argument] = Object.keys(bad)
      for (const Estimator of [SVC, SVR, OneClassSVM]) {
        expect(() => new Estimator(bad)).toThrow(
          expect.objectContaining({ code: 'INVALID_ARGUMENT', argument }),
        )
      }
    }
  })
})

describe('names of Object.prototype properties', () => {
  const names = ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf']

  it.each(names)('a class named %s, with classWeight', async (name) => {
    const y = train.codes.map((code) => (code === 0 ? name : 'other'))
    const weights = Object.fromEntries([['other', 3]])
    using svc = await new SVC({ classWeight: weights }).fit(train.X, y)
    using wanted = await new SVC({ classWeight: { other: 3 } }).fit(
      train.X,
      train.codes.map((code) => (code === 0 ? (name < 'other' ? 'a' : 'z') : 'other')),
    )
    expect(Array.from(svc.dualCoef.data, Math.abs).sort()).toEqual(
      Array.from(wanted.dualCoef.data, Math.abs).sort(),
    )
    const own = Object.fromEntries([[name, 2]])
    using heavier = await new SVC({ classWeight: own }).fit(train.X, y)
    expect(Math.max(...heavier.dualCoef.data.map(Math.abs))).toBeCloseTo(2)
  })

  it.each(names)('an option named %s is unknown', (name) => {
    const options = Object.fromEntries([[name, 1]])
    for (const Estimator of [SVC, SVR, OneClassSVM]) {
      expect(() => new Estimator(options)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    }
    expect(() => new GridSearchCV(new SVC(), Object.fromEntries([[name, [1]]]))).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  })
})
