import { describe, expect, test } from 'vitest'
import { Random } from '../../src/core/random.ts'
import { GridSearchCV, Matrix, OneClassSVM, SVC, SVR, type SvcOptions } from '../../src/svm.ts'

/** Seeded rows around one centre per class. */
function blobs(rows: number, cols: number, classes: number, seed = 1): { X: Matrix; y: number[] } {
  const random = new Random(seed)
  const uniform = () => random.uint32() / 2 ** 32
  const y = Array.from({ length: rows }, (_, row) => row % classes)
  const data = Float32Array.from({ length: rows * cols }, (_, at) => {
    const [row, k] = [Math.floor(at / cols), at % cols]
    return uniform() + uniform() - 1 + (k === y[row] % cols ? 1 + Math.floor(y[row] / cols) : 0)
  })
  return { X: new Matrix(data, rows, cols), y }
}

const times = (X: Matrix, factor: number) =>
  new Matrix(
    X.data.map((value) => value * factor),
    X.rows,
    X.cols,
  )

const kernels: SvcOptions[] = [
  { kernel: 'linear' },
  { kernel: 'poly', coef0: 1, degree: 2 },
  { kernel: 'rbf' },
  { kernel: 'sigmoid' },
]

describe('rows that no model can separate', () => {
  test.each(kernels)('identical rows with both labels, C = 1e6: $kernel', async (options) => {
    const { X } = blobs(40, 3, 2)
    const twice = X.select([...Array(40).keys(), ...Array(40).keys()])
    const y = Array.from({ length: 80 }, (_, row) => (row < 40 ? 'a' : 'b'))
    const svc = await new SVC({ ...options, C: 1e6 }).fit(twice, y)
    expect(['converged', 'stalled']).toContain(svc.fitStatus)
    const { data } = await svc.decisionFunction(twice)
    expect(data.every(Number.isFinite)).toBe(true)
    // Identical rows have the same decision value.
    for (let row = 0; row < 40; row++) expect(data[row]).toBeCloseTo(data[row + 40], 5)
  })

  test('some identical rows with both labels, C = 1e6', async () => {
    const { X, y } = blobs(200, 4, 2)
    const rows = [...Array(200).keys(), ...Array(20).keys()]
    const labels = rows.map((row, i) => (i < 200 ? y[row] : 1 - y[row]))
    const svc = await new SVC({ C: 1e6 }).fit(X.select(rows), labels)
    expect(['converged', 'stalled']).toContain(svc.fitStatus)
    // One of each two identical rows is misclassified, but coefficients of 1e6 must not affect the other rows.
    expect(await svc.score(X.select(rows), labels)).toBe(200 / 220)
  })

  test('a grid search with some identical rows of both labels, C = 1e6', async () => {
    const { X, y } = blobs(200, 4, 2)
    const rows = [...Array(200).keys(), ...Array(20).keys()]
    const labels = rows.map((row, i) => (i < 200 ? y[row] : 1 - y[row]))
    const scores = (cacheSize?: number) =>
      new GridSearchCV(new SVC({ tol: 1e-5, cacheSize }), { C: [1, 1e6] }, { cv: 2, refit: false })
        .fit(X.select(rows), labels)
        .then(({ cvResults }) => cvResults.splitTestScores)
    // With a shared matrix of dot products, and with separate fits, which need less memory: the same scores.
    expect(await scores()).toEqual(await scores(0.1))
  })

  test.each(kernels)("constant features, gamma 'scale': $kernel", async (options) => {
    const X = Array.from({ length: 10 }, () => [3, 3])
    const y = Array.from({ length: 10 }, (_, row) => (row < 6 ? 'many' : 'few'))
    const svc = await new SVC(options).fit(X, y)
    expect(svc.fitStatus).toBe('converged')
    expect(await svc.predict(X)).toEqual(new Array(10).fill('many'))
    expect((await svc.decisionFunction([[3, 3]])).data.every(Number.isFinite)).toBe(true)
  })

  test('all features zero', async () => {
    const svc = await new SVC().fit(new Matrix(new Float32Array(8), 4, 2), [0, 0, 0, 1])
    expect(await svc.predict([[0, 0]])).toEqual([0])
  })

  test('constant features for SVR and OneClassSVM', async () => {
    const X = [[1], [1], [1]]
    expect((await (await new SVR().fit(X, [1, 2, 3])).predict(X))[0]).toBeCloseTo(2, 1)
    const svm = await new OneClassSVM().fit(X)
    expect((await svm.decisionFunction(X)).data.every(Number.isFinite)).toBe(true)
  })
})

describe('200 classes of 5 rows each', () => {
  const { X, y } = blobs(1000, 50, 200)

  test('can be fitted, separated and predicted', async () => {
    const svc = await new SVC({ C: 10 }).fit(X, y)
    expect(svc.classes).toHaveLength(200)
    expect(svc.nIter).toHaveLength((200 * 199) / 2)
    expect(await svc.score(X, y)).toBeGreaterThan(0.95)
    const { rows, cols } = await svc.decisionFunction(X.select([0, 1, 2]))
    expect([rows, cols]).toEqual([3, 200])
  })

  test('can be searched over', async () => {
    const search = new GridSearchCV(new SVC(), { C: [1, 10], kernel: ['linear'] }, { cv: 2, refit: false })
    await search.fit(X, y)
    // Guessing would score 0.005.
    expect(search.bestScore).toBeGreaterThan(0.3)
  })

  test('get probabilities', async () => {
    const few = blobs(150, 10, 30)
    const svc = await new SVC({ probability: true }).fit(few.X, few.y)
    const proba = await svc.predictProba(few.X)
    expect([proba.rows, proba.cols]).toEqual([150, 30])
    for (let row = 0; row < 150; row++) {
      expect(proba.row(row).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 4)
    }
  })
})

describe('numbers of any magnitude', () => {
  const { X, y } = blobs(90, 3, 3)

  test.each([1e-30, 1e-38, 1e30, 1e38])('rbf gives the same labels for data times %d', async (factor) => {
    const [one, other] = [await new SVC().fit(X, y), await new SVC().fit(times(X, factor), y)]
    expect(other.fitStatus).toBe('converged')
    expect(await other.predict(times(X, factor))).toEqual(await one.predict(X))
  })

  test.each(kernels)('data near 1e30, gamma and C unscaled: $kernel', async (options) => {
    // Kernel values are near 1e60, or 0 between any two rows, for which no C is suitable. The fit must end with a
    // status.
    const scaled = times(X, 1e30)
    const fit = new SVC({ ...options, gamma: 1, maxIter: 100_000 }).fit(scaled, y)
    const outcome = await fit.then(
      async (svc) => {
        expect((await svc.decisionFunction(scaled)).data.every((value) => !Number.isNaN(value))).toBe(true)
        return svc.fitStatus
      },
      (error) => error.code,
    )
    expect(['converged', 'stalled', 'maxIter', 'INVALID_ARGUMENT']).toContain(outcome)
  })

  test.each(kernels)('data near 1e-30: $kernel', async (options) => {
    const svc = await new SVC(options).fit(times(X, 1e-30), y)
    expect(svc.fitStatus).toBe('converged')
    expect(await svc.predict(times(X, 1e-30))).toHaveLength(90)
  })

  test('SVR and OneClassSVM near 1e30', async () => {
    const target = y.map((label) => label * 2)
    const [small, large] = [await new SVR().fit(X, target), await new SVR().fit(times(X, 1e30), target)]
    expect(await large.score(times(X, 1e30), target)).toBeCloseTo(await small.score(X, target), 3)
    const [one, other] = [await new OneClassSVM().fit(X), await new OneClassSVM().fit(times(X, 1e30))]
    expect(await other.predict(times(X, 1e30))).toEqual(await one.predict(X))
  })

  test('one column of 1e30 beside one of 1', async () => {
    const wide = Array.from({ length: 90 }, (_, row) => [1e30 * (row % 2), X.row(row)[0]])
    const svc = await new SVC({ kernel: 'linear', maxIter: 100_000 }).fit(
      wide,
      wide.map(([large]) => (large > 0 ? 1 : 0)),
    )
    expect(await svc.predict(wide)).toEqual(wide.map(([large]) => (large > 0 ? 1 : 0)))
  })

  test('names the kernel values that exceed float32', async () => {
    const fit = new SVC({ kernel: 'poly', gamma: 1e20, degree: 5 }).fit(X, y)
    await expect(fit).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', argument: 'X' })
    await expect(fit).rejects.toThrow('float32')
  })

  test('predicts rows that are far from all training rows', async () => {
    const svc = await new SVC().fit(X, y)
    const labels = await svc.predict(times(X, 1e30))
    expect(labels.every((label) => svc.classes.includes(label))).toBe(true)
    const { data } = await svc.decisionFunction(times(X, 1e30))
    expect(data.every(Number.isFinite)).toBe(true)
  })
})

describe('values that are not finite', () => {
  const X = [
    [0, 1],
    [1, 0],
    [2, 1],
    [3, 0],
  ]
  const y = [0, 0, 1, 1]
  const broken = (value: number) => X.map((row, i) => row.map((own, k) => (i === 2 && k === 1 ? value : own)))

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e39])('%d', async (value) => {
    const wrong = { code: 'NOT_FINITE', argument: 'X[2][1]' }
    const svc = await new SVC({ probability: true }).fit(X, y)
    await expect(svc.fit(broken(value), y)).rejects.toMatchObject(wrong)
    await expect(svc.fit(broken(value), y)).rejects.toThrow('row 2, column 1')
    await expect(svc.predict(broken(value))).rejects.toMatchObject(wrong)
    await expect(svc.predictProba(broken(value))).rejects.toMatchObject(wrong)
    await expect(svc.decisionFunction(broken(value))).rejects.toMatchObject(wrong)
    await expect(new SVR().fit(broken(value), y)).rejects.toMatchObject(wrong)
    await expect(new OneClassSVM().fit(broken(value))).rejects.toMatchObject(wrong)
    const search = new GridSearchCV(svc, { C: [1] }, { cv: 2 })
    await expect(search.fit(broken(value), y)).rejects.toMatchObject(wrong)
    // The previous model is kept.
    expect(await svc.predict(X)).toHaveLength(4)
  })
})

describe('shapes and labels', () => {
  const X = [[0], [1], [2], [3]]
  const y = ['a', 'a', 'b', 'b']
  test.each([
    ['no rows', [], [], 'EMPTY_INPUT', 'X'],
    ['no columns', [[], []], ['a', 'b'], 'EMPTY_INPUT', 'X'],
    ['rows of different length', [[1], [1, 2]], ['a', 'b'], 'SHAPE_MISMATCH', 'X[1]'],
    ['too few labels', X, ['a', 'b'], 'SHAPE_MISMATCH', 'y'],
    ['one class', X, ['a', 'a', 'a', 'a'], 'ONE_CLASS', 'y'],
    ['labels of two types', X, ['a', 'b', 1, 2], 'INVALID_ARGUMENT', 'y[2]'],
    ['an invalid label', X, ['a', 'b', null, 'b'], 'INVALID_ARGUMENT', 'y[2]'],
    ['X that is not a list of rows', 7, y, 'INVALID_ARGUMENT', 'X'],
    ['y that is not a list', X, 'abab', 'INVALID_ARGUMENT', 'y'],
  ])('%s', async (_, rows, labels, code, argument) => {
    const fit = new SVC().fit(rows as number[][], labels as string[])
    await expect(fit).rejects.toMatchObject({ code, argument })
  })

  test('names a class with fewer rows than folds', async () => {
    const search = new GridSearchCV(new SVC(), { C: [1] }, { cv: 3 })
    await expect(search.fit(X, y)).rejects.toMatchObject({ code: 'TOO_FEW_ROWS' })
  })

  test.each([
    ['C', 0],
    ['C', -1],
    ['C', Number.NaN],
    ['C', Number.POSITIVE_INFINITY],
    ['gamma', 0],
    ['gamma', 'wide'],
    ['tol', 0],
    ['tol', -1e-3],
    ['kernel', 'rfb'],
    ['degree', 1.5],
    ['degree', -1],
    ['coef0', Number.NaN],
    ['maxIter', 0],
    ['maxIter', 1.5],
    ['cacheSize', 0],
    ['simd', 'fast'],
    ['probability', 'yes'],
    ['randomState', 0.5],
    ['classWeight', 'even'],
  ])('%s: %s', (name, value) => {
    expect(() => new SVC({ [name]: value })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', argument: name }),
    )
  })

  test('rejects options that are not an object', () => {
    expect(() => new SVC(null as unknown as SvcOptions)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', argument: 'options' }),
    )
    expect(() => new SVC({ c: 1 } as SvcOptions)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', argument: 'options' }),
    )
  })
})

describe('memory limits', () => {
  test('a fit that does not fit into memory is refused before it starts', async () => {
    // Only four rows, but every class is padded to a strip: about 4.8 GB in the engine.
    const X = new Matrix(new Float32Array(4 * 10_000_000), 4, 10_000_000)
    const fit = new SVC({ gamma: 1 }).fit(X, [0, 1, 0, 1])
    await expect(fit).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' })
    await expect(fit).rejects.toThrow(/[0-9]+ MiB of WebAssembly memory are needed, but only [0-9]+ MiB/)
  })

  test('a small cache suffices for a small fit', async () => {
    const { X, y } = blobs(300, 5, 2)
    const svc = await new SVC({ cacheSize: 0.001 }).fit(X, y)
    expect(svc.fitStatus).toBe('converged')
    expect(await svc.predict(X)).toEqual(await (await new SVC().fit(X, y)).predict(X))
  })
})

test('two concurrent calls do not affect each other', async () => {
  const { X, y } = blobs(600, 8, 3)
  const svc = await new SVC().fit(X, y)
  const expected = await svc.decisionFunction(X)
  const [all, some, ...rest] = await Promise.all([
    svc.decisionFunction(X),
    svc.decisionFunction(X.select([5, 6, 7])),
    svc.predict(X),
    svc.fit(X, y),
    svc.decisionFunction(X),
  ])
  expect(all).toEqual(expected)
  expect(some).toEqual(expected && new Matrix(expected.data.slice(15, 24), 3, 3))
  expect(rest[2]).toEqual(expected)
})
