import { afterEach, expect, test } from 'vitest'
import { Matrix } from '../../core/matrix.ts'
import { Random } from '../../core/random.ts'
import type { KernelMatrix } from '../../engine/kernel/kernel-matrix.ts'
import type { Run } from '../../engine/kernel/runs.ts'
import { Engine } from '../../engine/wasm/engine.ts'
import { GridSearchCV } from '../../model-selection/grid-search.ts'
import { OneClassSVM } from '../one-class-svm.ts'
import { SVC } from '../svc.ts'
import { SVR } from '../svr.ts'
import { cacheBytes, planMemory } from './memory-plan.ts'

const MEGABYTE = 2 ** 20
const engines: Engine[] = []
afterEach(() => {
  for (const engine of engines.splice(0)) engine.close()
})

/** The memory plan for classes of these sizes. */
async function planOf(counts: number[], cacheSize?: number) {
  const engine = await Engine.open('strict')
  engines.push(engine)
  let start = 0
  const runs: Run[] = counts.map((count) => {
    const run = { start, count, size: count }
    start += count
    return run
  })
  const source: KernelMatrix = {
    ...{ kind: 'rbf', runs, diagonal: 0 },
    gather: () => {},
    columnsPerCall: () => 8,
    computeBlock: () => {},
  }
  return planMemory(engine, source, cacheBytes(cacheSize), 1)
}

test.each([[50_000], [250_000], [1_000_000]])(
  'two classes of %i rows: no blocks are planned',
  async (count) => {
    const plan = await planOf([count, count], 200)
    expect(plan.blocks).toBe(false)
    expect(plan.cacheBytes).toBeLessThanOrEqual(200 * MEGABYTE)
    // The rest is for the problem itself, some batches of rows, and projected CG steps.
    expect(plan.threadBytes).toBeLessThan(200 * MEGABYTE + 2 * count * 1000)
  },
)

test('three classes of 60,000 rows', async () => {
  expect((await planOf([60_000, 60_000, 60_000])).blocks).toBe(false)
})

test('the default memory does not depend on the host and keeps a fit below 2 GB', async () => {
  expect(cacheBytes(undefined)).toBe(1024 * MEGABYTE)
  const plan = await planOf([50_000, 50_000])
  expect(plan.threadBytes).toBeLessThan(1200 * MEGABYTE)
})

/** Two clouds far apart, which need few kernel rows. */
function clouds(rows: number): { X: Matrix; y: number[] } {
  const X = new Matrix(new Float32Array(rows * 2), rows, 2)
  let state = 1
  for (let at = 0; at < X.data.length; at++) {
    state = (state * 16807) % 2147483647
    X.data[at] = state / 2147483647 + ((at >> 1) % 2) * 3
  }
  return { X, y: Array.from({ length: rows }, (_, row) => row % 2) }
}

test('60,000 rows fit: two classes, probability folds, regression, and a search', async () => {
  const { X, y } = clouds(60_000)
  const unseen = X.select([0, 1, 2, 3])
  const svc = await new SVC({ cacheSize: 200, probability: true }).fit(X, y)
  expect(svc.fitStatus).toBe('converged')
  expect(await svc.predict(unseen)).toEqual([0, 1, 0, 1])
  const svr = await new SVR({ cacheSize: 200, epsilon: 0.5 }).fit(X, y)
  expect(svr.fitStatus).toBe('converged')
  const one = await new OneClassSVM({ cacheSize: 200, nu: 0.001 }).fit(X)
  expect(one.fitStatus).toBe('converged')
  const search = new GridSearchCV(new SVC({ cacheSize: 200 }), { C: [1, 10] }, { cv: 2 })
  await search.fit(X, y)
  expect(search.bestScore).toBe(1)
}, 180_000)

test('the model does not depend on cacheSize if all kernel values fit, and otherwise agrees within tol', async () => {
  const random = new Random(5)
  const [most, least] = [900, 500]
  const X = new Matrix(new Float32Array((most + least) * 4), most + least, 4)
  for (let at = 0; at < X.data.length; at++) X.data[at] = random.below(1000) / 500
  const y = Array.from({ length: X.rows }, (_, row) => (row < most ? 0 : 1))
  const fitWith = async (cacheSize?: number) => {
    const { options: _, ...model } = (await new SVC({ cacheSize, C: 10 }).fit(X, y)).toState()
    return model
  }
  const usual = await fitWith()
  // Slightly more than documented, because rows are padded.
  const bytes = 4 * Math.max((most + least) ** 2, 3 * most ** 2 + least ** 2)
  expect(await fitWith((1.05 * bytes) / MEGABYTE)).toEqual(usual)
  const little = await fitWith(0.1)
  expect(little.fitStatus).toBe('converged')
  expect(Math.abs(little.intercept[0] - usual.intercept[0])).toBeLessThan(2e-3)
})
