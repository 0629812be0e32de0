import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Engine } from '../../src/engine/wasm/engine.ts'
import { TimeSlice } from '../../src/engine/wasm/time-slice.ts'
import { GridSearchCV } from '../../src/model-selection/grid-search.ts'
import { OneClassSVM } from '../../src/svm/one-class-svm.ts'
import { SVC, type SvcOptions } from '../../src/svm/svc.ts'
import { clouds } from '../support/clouds.ts'

const { X, codes: y } = clouds(90, 3, 0)

/** Number of engines opened and not closed since the test began. */
let live = 0
/** Called at each yield to the event loop; every check for an abort yields. */
let onYield = () => {}

beforeEach(() => {
  live = 0
  onYield = () => {}
  const open = Engine.open.bind(Engine)
  vi.spyOn(Engine, 'open').mockImplementation(async (...args) => {
    const engine = await open(...args)
    live++
    return engine
  })
  const { close } = Engine.prototype
  vi.spyOn(Engine.prototype, 'close').mockImplementation(function (this: Engine) {
    live--
    close.call(this)
  })
  vi.spyOn(TimeSlice.prototype, 'expired', 'get').mockReturnValue(true)
  const rest = TimeSlice.prototype.yield
  vi.spyOn(TimeSlice.prototype, 'yield').mockImplementation(async function (this: TimeSlice) {
    onYield()
    await rest.call(this)
  })
})
afterEach(() => vi.restoreAllMocks())

/**
 * Repeats a call, aborted one yield later each time, until it ends before the abort. Returns the number of calls.
 * `kept`: the number of engines that may stay open.
 */
async function abortEverywhere(call: (signal: AbortSignal) => Promise<unknown>, kept = 0): Promise<number> {
  const before = live
  for (let aborted = 0, at = 0; ; aborted++, at = Math.ceil(at * 1.1) + 1) {
    const controller = new AbortController()
    let yields = 0
    onYield = () => {
      if (yields++ === at) controller.abort()
    }
    const outcome = await call(controller.signal).then(
      () => 'ended',
      (error) => error.code,
    )
    if (outcome === 'ended') return aborted
    expect(outcome).toBe('ABORTED')
    // A prediction rejects at once, but closes its engines at its next yield.
    await vi.waitFor(() =>
      expect(live, `engines after an abort at yield ${at}`).toBeLessThanOrEqual(before + kept),
    )
  }
}

test('a fit closes its engines wherever it is aborted', async () => {
  const svc = new SVC({ probability: true })
  expect(await abortEverywhere((signal) => svc.fit(X, y, { signal }))).toBeGreaterThan(5)
  expect(live).toBe(0)
})

test('a one-class fit closes its engines wherever it is aborted', async () => {
  const svm = new OneClassSVM()
  expect(await abortEverywhere((signal) => svm.fit(X, { signal }))).toBeGreaterThan(3)
  expect(live).toBe(0)
})

const models: [string, SvcOptions][] = [
  ['rbf', { kernel: 'rbf' }],
  ['linear', { kernel: 'linear' }],
  ['float64', { kernel: 'poly', gamma: 300, C: 1e6, maxIter: 1000 }],
]

test.each(models)("a prediction keeps at most its model's engine open: %s", async (_, options) => {
  const svc = await new SVC(options).fit(X, y, { onWarning: () => {} })
  expect(await abortEverywhere((signal) => svc.predict(X, { signal }), 1)).toBeGreaterThan(1)
  expect(live).toBe(1)
  svc.dispose()
  await vi.waitFor(() => expect(live).toBe(0))
})

test("a new fit closes the previous model's engine once its calls have ended", async () => {
  const svc = await new SVC().fit(X, y)
  const expected = await svc.predict(X)
  const late = svc.predict(X)
  await svc.fit(X, y)
  expect(await late).toEqual(expected)
  await vi.waitFor(() => expect(live).toBe(0))
  expect(await svc.predict(X)).toEqual(expected)
  expect(live).toBe(1)
})

test('a search closes its engines wherever it is aborted', async () => {
  const grid = { C: [0.1, 1], kernel: ['rbf', 'poly'] as ('rbf' | 'poly')[] }
  const search = new GridSearchCV(new SVC(), grid, { cv: 2 })
  expect(await abortEverywhere((signal) => search.fit(X, y, { signal }))).toBeGreaterThan(10)
  expect(live).toBe(0)
})

test('a search closes its engines if its refit function throws', async () => {
  const refit = () => {
    throw new Error('no choice')
  }
  const search = new GridSearchCV(new SVC(), { C: [1, 2] }, { cv: 2, refit })
  await expect(search.fit(X, y)).rejects.toThrow('no choice')
  expect(live).toBe(0)
})

test('predict and score of a search can be aborted', async () => {
  const search = await new GridSearchCV(new SVC(), { C: [1] }, { cv: 2 }).fit(X, y)
  const signal = AbortSignal.abort()
  await expect(search.predict(X, { signal })).rejects.toMatchObject({ code: 'ABORTED' })
  await expect(search.score(X, y, { signal })).rejects.toMatchObject({ code: 'ABORTED' })
  expect(await search.score(X, y)).toBeGreaterThan(0.5)
})
