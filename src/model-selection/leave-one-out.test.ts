import { describe, expect, test } from 'vitest'
import { loadFixtures } from '../../test/support/svm-fixtures.ts'
import type { Label } from '../core/labels.ts'
import { Matrix } from '../core/matrix.ts'
import { Random } from '../core/random.ts'
import { SVC, type SvcOptions } from '../svm/svc.ts'
import { crossValPredict } from './cross-val-predict.ts'
import { crossValScore } from './cross-val-score.ts'
import { crossValidate } from './cross-validate.ts'
import { leaveOneOut } from './leave-one-out.ts'
import { LeaveOneOut } from './splits/leave-one-out-split.ts'
import { xiAlphaEstimate } from './xi-alpha-estimate.ts'

const sets = loadFixtures()
const { XTrain: X, yTrain: y } = sets.find(({ name }) => name === 'iris')!
const cv = new LeaveOneOut()

/** The decision values of each row by an SVC that was fitted on the others, one fit after the other. */
async function oneByOne(options: SvcOptions, rows: Matrix, labels: Label[]): Promise<Matrix> {
  const values: Float32Array[] = []
  await crossValidate(rows, labels, cv.split(rows, labels), {
    estimatorsOf: () => [new SVC(options)],
    judge: async ({ svc, XTest, fold }) => {
      values[fold] = (await svc.decisionFunction(XTest, { shape: 'ovo' })).row(0)
    },
  })
  return Matrix.from(values)
}

/** The largest difference, relative to values above the margin. */
function largestDifference(a: Matrix, b: Matrix): number {
  return a.data.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - b.data[i]) / Math.max(1, Math.abs(value))),
    0,
  )
}

/** The dot products of all rows: a linear kernel that is given. */
function products(rows: Matrix): Matrix {
  const values = Array.from({ length: rows.rows }, (_, i) =>
    Array.from({ length: rows.rows }, (_, j) =>
      rows.row(i).reduce((sum, value, k) => sum + value * rows.row(j)[k], 0),
    ),
  )
  return Matrix.from(values)
}

/** Two classes of points that overlap. */
function clouds(rows: number): { points: Matrix; sides: string[] } {
  const random = new Random(4)
  const coordinate = () => random.uint32() / 2 ** 31 - 1
  const sides = Array.from({ length: rows }, (_, i) => (i % 3 === 0 ? 'few' : 'many'))
  const points = sides.map((side) => [coordinate() + (side === 'few' ? 0.6 : 0), coordinate(), coordinate()])
  return { points: Matrix.from(points), sides }
}

describe('the decision values are those of separate fits', () => {
  const options: [string, SvcOptions][] = [
    ['rbf', { gamma: 0.3, C: 5 }],
    ['linear', { kernel: 'linear', C: 0.1 }],
    ['poly', { kernel: 'poly', degree: 2, coef0: 1, gamma: 0.02 }],
    ['class weights', { gamma: 0.3, classWeight: { setosa: 0.2 } }],
    ['little cache', { gamma: 0.3, C: 5, cacheSize: 0.001 }],
    // All rows are at their bounds, so that those at 0 bound rho.
    ['a tiny C', { gamma: 0.3, C: 1e-3 }],
    ['two threads', { gamma: 0.3, C: 5, threads: 2 }],
  ]
  test.each(options)('%s', async (_, own) => {
    const svc = new SVC({ ...own, tol: 1e-6 })
    const left = await leaveOneOut(svc, X, y, { shape: 'ovo' })
    const expected = await oneByOne(svc.getParams(), X, y)
    expect(largestDifference(left.decisionValues, expected)).toBeLessThan(1e-4)
    expect(left.refits).toBeLessThanOrEqual(left.problems)
    expect(left.problems).toBe(2 * X.rows)
  })

  test('a precomputed kernel', async () => {
    const { points, sides } = clouds(60)
    const given = await leaveOneOut(new SVC({ kernel: 'precomputed', tol: 1e-6 }), products(points), sides)
    const computed = await leaveOneOut(new SVC({ kernel: 'linear', tol: 1e-6 }), points, sides)
    expect(largestDifference(given.decisionValues, computed.decisionValues)).toBeLessThan(1e-4)
    expect(given.labels).toEqual(computed.labels)
  })

  test('problems that are large enough for conjugate gradients', async () => {
    const { points, sides } = clouds(400)
    const parameters = { gamma: 2, C: 100, tol: 1e-5 }
    const left = await leaveOneOut(new SVC(parameters), points, sides, { shape: 'ovo' })
    const some = [0, 1, 2, 3, 50, 51, 200, 399]
    for (const row of some) {
      const others = Int32Array.from([...sides.keys()].filter((other) => other !== row))
      const svc = await new SVC(parameters).fit(
        points.select(others),
        [...others].map((other) => sides[other]),
      )
      const [value] = (await svc.decisionFunction([points.row(row)])).row(0)
      expect(Math.abs(left.decisionValues.row(row)[0] - value)).toBeLessThan(1e-3)
      svc.dispose()
    }
  })
})

test('rows that are no support vectors keep the decision values of the fit on all rows', async () => {
  const svc = await new SVC({ C: 10 }).fit(X, y)
  const left = await leaveOneOut(svc, X, y, { shape: 'ovo' })
  const known = await svc.decisionFunction(X, { shape: 'ovo' })
  const others = [...y.keys()].filter((row) => !svc.support.includes(row))
  expect(others.length).toBeGreaterThan(X.rows / 2)
  for (const row of others) {
    for (const [pair, value] of known.row(row).entries())
      expect(left.decisionValues.row(row)[pair]).toBeCloseTo(value, 4)
  }
  expect(left.refits).toBeLessThanOrEqual(2 * svc.support.length)
  expect(left.fitStatus).toBe('converged')
  svc.dispose()
})

test('rows of weight 0 are no part of the fit and are judged by it', async () => {
  const sampleWeight = Array.from(y, (_, row) => (row % 5 === 0 ? 0 : 1))
  const left = await leaveOneOut(new SVC(), X, y, { sampleWeight, shape: 'ovo' })
  const svc = await new SVC().fit(X, y, { sampleWeight })
  const known = await svc.decisionFunction(X, { shape: 'ovo' })
  expect(left.decisionValues.row(0)).toEqual(known.row(0))
  expect(left.problems).toBe(2 * sampleWeight.reduce((sum: number, weight) => sum + weight, 0))
  svc.dispose()
})

describe('crossValPredict and crossValScore with LeaveOneOut', () => {
  test.each<[string, SvcOptions, 'none' | 'l2' | 'standard']>([
    ['few fits', { gamma: 0.3 }, 'none'],
    ['few fits on rows of length 1', { gamma: 3 }, 'l2'],
    ['a scaler for each fold', { gamma: 0.3 }, 'standard'],
    ['gamma of the rows of each fold', {}, 'none'],
    ['class weights of the rows of each fold', { gamma: 0.3, classWeight: 'balanced' }, 'none'],
  ])('equal folds of one row: %s', async (_, own, scale) => {
    const rows = Int32Array.from({ length: 45 }, (_, i) => 2 * i)
    const [some, labels] = [X.select(rows), [...rows].map((row) => y[row])]
    const svc = new SVC({ ...own, tol: 1e-6 })
    // A splitter that is not recognised: every fold is fitted.
    const folds = { split: () => cv.split(some, labels) }
    const o = { scale, method: 'decisionFunction', shape: 'ovo' } as const
    const [values, expected] = [
      await crossValPredict(svc, some, labels, { ...o, cv }),
      await crossValPredict(svc, some, labels, { ...o, cv: folds }),
    ]
    expect(largestDifference(values, expected)).toBeLessThan(1e-4)
    expect(await crossValPredict(svc, some, labels, { scale, cv })).toEqual(
      await crossValPredict(svc, some, labels, { scale, cv: folds }),
    )
    expect(await crossValScore(svc, some, labels, { scale, cv })).toEqual(
      await crossValScore(svc, some, labels, { scale, cv: folds }),
    )
  })
})

test('a class of one row gets no votes where its row is left out', async () => {
  const points = [[0], [0.1], [0.2], [1], [1.1], [1.2], [5]]
  const labels = ['a', 'a', 'a', 'b', 'b', 'b', 'alone']
  const left = await leaveOneOut(new SVC({ C: 10 }), points, labels)
  expect(left.labels).toEqual(['a', 'a', 'a', 'b', 'b', 'b', 'b'])
  expect(left.accuracy).toBeCloseTo(6 / 7)
})

test('reports rows for each of their pairs', async () => {
  const seen: number[] = []
  const { problems } = await leaveOneOut(new SVC(), X, y, {
    onProgress({ done, total }) {
      expect(total).toBe(2 * X.rows)
      seen.push(done)
    },
  })
  expect(seen.at(-1)).toBe(problems)
  expect(seen).toEqual([...seen].sort((a, b) => a - b))
})

describe('the xi-alpha estimate bounds the leave-one-out error', () => {
  const { points, sides } = clouds(150)
  test.each<[string, SvcOptions, Matrix, Label[]]>([
    ['iris', { C: 10 }, X, y],
    ['clouds, rbf', { C: 0.3, gamma: 1 }, points, sides],
    ['clouds, linear', { kernel: 'linear', C: 0.05 }, points, sides],
    ['clouds, poly', { kernel: 'poly', C: 0.05, gamma: 0.5, coef0: 1, degree: 2 }, points, sides],
  ])('%s', async (_, options, rows, labels) => {
    const svc = await new SVC(options).fit(rows, labels)
    const { errorRate, accuracy, uncertain } = await xiAlphaEstimate(svc, rows, labels)
    const exact = await leaveOneOut(svc, rows, labels)
    const wrong = labels.flatMap((label, row) => (label === exact.labels[row] ? [] : [row]))
    expect(uncertain).toEqual(expect.arrayContaining(wrong))
    expect(errorRate).toBeCloseTo(uncertain.length / labels.length, 12)
    expect(accuracy).toBeLessThanOrEqual(exact.accuracy)
    // The bound must be worth something.
    expect(uncertain.length).toBeLessThan(labels.length)
    svc.dispose()
  })
})

describe('throws', () => {
  const svc = new SVC()
  const lone = [[0], [1], [2]]
  test.each([
    ['INVALID_ARGUMENT', 'estimator', () => leaveOneOut({} as SVC, X, y)],
    ['INVALID_ARGUMENT', 'shape', () => leaveOneOut(svc, X, y, { shape: 'ova' as 'ovo' })],
    ['INVALID_ARGUMENT', 'groups', () => crossValScore(svc, X, y, { cv, groups: y })],
    ['SHAPE_MISMATCH', 'sampleWeight', () => leaveOneOut(svc, X, y, { sampleWeight: [1] })],
    ['SHAPE_MISMATCH', 'y', () => leaveOneOut(svc, X, y.slice(1))],
    ['TOO_FEW_ROWS', 'y', () => leaveOneOut(svc, lone, ['a', 'b', 'b'])],
    ['TOO_FEW_ROWS', 'y', async () => cv.split(lone, ['a', 'b', 'b'])],
    [
      'TOO_FEW_ROWS',
      'cv',
      () =>
        crossValPredict(new SVC({ gamma: 1 }), [...lone, [3], [4]], ['a', 'b', 'b', 'c', 'c'], {
          ...{ cv, method: 'decisionFunction' },
        }),
    ],
    ['ONE_CLASS', 'y', () => leaveOneOut(svc, lone, ['a', 'a', 'a'])],
    ['NOT_FINITE', 'X', () => leaveOneOut(svc, [[1], [Number.NaN], [0], [2]], ['a', 'b', 'a', 'b'])],
    ['NOT_FITTED', undefined, () => xiAlphaEstimate(svc, X, y)],
    [
      'INVALID_ARGUMENT',
      'X',
      async () => {
        const fitted = await new SVC().fit(X, y)
        return xiAlphaEstimate(fitted, [...lone, [4]], ['a', 'a', 'b', 'b'])
      },
    ],
    [
      'INVALID_ARGUMENT',
      'kernel',
      async () => xiAlphaEstimate(await new SVC({ kernel: 'sigmoid' }).fit(X, y), X, y),
    ],
  ])('%s for %s', async (code, argument, call) => {
    await expect(call()).rejects.toMatchObject(
      argument === undefined ? { code } : { code, argument: expect.stringContaining(argument) },
    )
  })
})
