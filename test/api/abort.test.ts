import { describe, expect, test } from 'vitest'
import { Random } from '../../src/core/random.ts'
import {
  type FitProgress,
  GridSearchCV,
  type LongCall,
  leaveOneOut,
  Matrix,
  OneClassSVM,
  type Progress,
  SVC,
  SVR,
} from '../../src/svm.ts'

/** Rows that cannot be separated, so that fits take long. */
function noise(rows: number, cols: number): Matrix {
  const random = new Random(1)
  const data = Float32Array.from({ length: rows * cols }, () => random.uint32() / 2 ** 31 - 1)
  return new Matrix(data, rows, cols)
}

const X = noise(6000, 100)
const y = Array.from({ length: X.rows }, (_, row) => row % 3)
const two = y.map((label) => Math.min(label, 1))
const wide = noise(600, 20_000)
/** Calls should end within 50 ms of an abort; the bound allows for other tests that run at the same time. */
const AT_ONCE = 700

/** Aborts a call after a delay and returns how long the call took to end after that, in ms. */
async function abortAfter(delay: number, call: (o: LongCall) => Promise<unknown>): Promise<number> {
  const controller = new AbortController()
  // Measured from the planned time, because a call that blocks the thread would delay the timer itself.
  const due = performance.now() + delay
  const timer = setTimeout(() => controller.abort('enough'), delay)
  const answer = await call({ signal: controller.signal }).then(
    () => 'done',
    (error) => error,
  )
  clearTimeout(timer)
  expect(answer).toMatchObject({ code: 'ABORTED', name: 'AbortError', cause: 'enough' })
  return performance.now() - due
}

describe('an abort ends the call promptly', () => {
  const svc = new SVC({ C: 10, probability: true })
  test.each<[string, (o: LongCall) => Promise<unknown>]>([
    ['fit', (o) => new SVC({ C: 10, gamma: 1, probability: true }).fit(X, y, o)],
    ['fit, one pair', (o) => new SVC({ C: 10, probability: true }).fit(X, two, o)],
    ['fit, linear', (o) => new SVC({ kernel: 'linear', C: 10 }).fit(X, two, o)],
    ['fit, little cache', (o) => new SVC({ C: 10, cacheSize: 1 }).fit(X, two, o)],
    ['fit, wide rows', (o) => new SVC({ C: 10 }).fit(wide, y.slice(0, 600), o)],
    ['regression', (o) => new SVR({ C: 100 }).fit(X, two, o)],
    ['one class', (o) => new OneClassSVM({ gamma: 0.01, tol: 1e-9 }).fit(X, o)],
    ['leave-one-out', (o) => leaveOneOut(new SVC({ C: 10 }), X, two, o)],
    ['search', (o) => new GridSearchCV(new SVC(), { C: [1, 10], gamma: [0.01, 0.1] }).fit(X, y, o)],
    [
      'search, little cache',
      (o) => new GridSearchCV(new SVC({ cacheSize: 1 }), { C: [1, 10] }).fit(X, two, o),
    ],
  ])('%s', async (_, call) => {
    expect(await abortAfter(5, call)).toBeLessThan(AT_ONCE)
    expect(await abortAfter(150, call)).toBeLessThan(AT_ONCE)
  })

  test('predict and predictProba, also while waiting for an earlier call', async () => {
    const some = Array.from({ length: 1500 }, (_, row) => row)
    await svc.fit(X.select(some), y.slice(0, 1500))
    const many = noise(60_000, 100)
    expect(await abortAfter(50, (o) => svc.predict(many, o))).toBeLessThan(AT_ONCE)
    expect(await abortAfter(50, (o) => svc.predictProba(many, o))).toBeLessThan(AT_ONCE)
    const first = svc.decisionFunction(X)
    expect(await abortAfter(1, (o) => svc.decisionFunction(X, o))).toBeLessThan(AT_ONCE)
    expect((await first).rows).toBe(X.rows)
  })
})

describe('objects stay usable after an abort', () => {
  const some = X.select(Array.from({ length: 300 }, (_, row) => row))
  const labels = y.slice(0, 300)

  test('SVC', async () => {
    const svc = await new SVC({ C: 10, gamma: 1, probability: true }).fit(some, labels)
    const expected = await svc.decisionFunction(some)
    await abortAfter(60, (o) => svc.fit(X, y, o))
    expect(await svc.decisionFunction(some)).toEqual(expected)
    await abortAfter(1, (o) => svc.predict(noise(60_000, 100), o))
    expect(await svc.decisionFunction(some)).toEqual(expected)
    await svc.fit(some, labels)
    expect(await svc.decisionFunction(some)).toEqual(expected)
  })

  test('SVR and OneClassSVM', async () => {
    const svr = await new SVR({ C: 100 }).fit(some, labels)
    const values = await svr.predict(some)
    await abortAfter(30, (o) => svr.fit(X, two, o))
    expect(await svr.predict(some)).toEqual(values)
    const one = await new OneClassSVM({ gamma: 0.01, tol: 1e-9 }).fit(some)
    const sides = await one.predict(some)
    await abortAfter(5, (o) => one.fit(X, o))
    expect(await one.predict(some)).toEqual(sides)
  })

  test('GridSearchCV', async () => {
    const search = await new GridSearchCV(new SVC(), { C: [1, 10] }, { cv: 2 }).fit(some, labels)
    const { cvResults } = search
    const expected = await search.predict(some)
    await abortAfter(100, (o) => search.fit(X, y, o))
    expect(search.cvResults).toBe(cvResults)
    expect(await search.predict(some)).toEqual(expected)
  })

  test('a signal aborted beforehand rejects every call', async () => {
    const o = { signal: AbortSignal.abort() }
    const svc = await new SVC().fit(some, labels)
    for (const call of [
      svc.fit(some, labels, o),
      svc.predict(some, o),
      svc.decisionFunction(some, o),
      new SVR().fit(some, labels, o),
      new OneClassSVM().fit(some, o),
      new GridSearchCV(svc, { C: [1] }, { cv: 2 }).fit(some, labels, o),
    ]) {
      await expect(call).rejects.toMatchObject({ code: 'ABORTED' })
    }
  })
})

describe('progress', () => {
  test('fit reports class pairs and the gap', async () => {
    const seen: FitProgress[] = []
    await new SVC({ C: 10 }).fit(X.select([...Array(1200).keys()]), y.slice(0, 1200), {
      onProgress: (progress) => seen.push(progress),
    })
    for (const { done, total, gap } of seen) {
      expect(total).toBe(3)
      expect(done).toBeGreaterThanOrEqual(0)
      expect(gap).toBeGreaterThanOrEqual(0)
    }
    const dones = seen.map(({ done }) => done)
    expect(dones).toEqual([...dones].sort((a, b) => a - b))
    expect(seen.at(-1)).toMatchObject({ done: 3 })
    // Each pair ends with a gap within the tolerance.
    expect(seen.at(-1)!.gap).toBeLessThanOrEqual(1e-3)
  })

  test('fit reports the falling gap of a long pair', async () => {
    const gaps: number[] = []
    await new SVC({ C: 10 }).fit(X.select([...Array(3000).keys()]), two.slice(0, 3000), {
      onProgress: ({ gap }) => gaps.push(gap),
    })
    expect(gaps.length).toBeGreaterThan(3)
    expect(gaps[0]).toBeGreaterThan(0.1)
    expect(gaps.at(-1)).toBeLessThanOrEqual(1e-3)
  })

  test('predict reports rows; a grid search reports fits', async () => {
    const rows = X.select([...Array(300).keys()])
    const svc = await new SVC().fit(rows, y.slice(0, 300))
    const predicted: Progress[] = []
    await svc.predict(rows, { onProgress: (progress) => predicted.push(progress) })
    expect(predicted.at(-1)).toEqual({ done: 300, total: 300 })
    const searched: Progress[] = []
    await new GridSearchCV(svc, { C: [1, 2] }, { cv: 3 }).fit(rows, y.slice(0, 300), {
      onProgress: (progress) => searched.push(progress),
    })
    expect(searched.map(({ done }) => done)).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(searched.at(-1)).toEqual({ done: 7, total: 7 })
  })
})

test('maxIter bounds the iterations of each pair, and fitStatus reports it', async () => {
  const svc = await new SVC({ C: 10, maxIter: 7 }).fit(X.select([...Array(600).keys()]), y.slice(0, 600))
  expect([...svc.nIter]).toEqual([7, 7, 7])
  expect(svc.fitStatus).toBe('maxIter')
  expect(await svc.predict(X.select([0, 1]))).toHaveLength(2)
  const svr = await new SVR({ maxIter: 3 }).fit(X.select([...Array(100).keys()]), two.slice(0, 100))
  expect([svr.nIter, svr.fitStatus]).toEqual([3, 'maxIter'])
  const free = await new SVC({ maxIter: 1_000_000 }).fit(X.select([...Array(600).keys()]), y.slice(0, 600))
  expect(free.fitStatus).toBe('converged')
})
