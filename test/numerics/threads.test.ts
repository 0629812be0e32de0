import { expect, test } from 'vitest'
import { Random } from '../../src/core/random.ts'
import { GridSearchCV, Matrix, SVC } from '../../src/svm.ts'

/** Four classes of rows around four centres, enough for a second thread. */
const rows = 1600
const cols = 2000
const random = new Random(7)
const data = Float32Array.from({ length: rows * cols }, () => random.below(2001) / 1000 - 1)
const y = Array.from({ length: rows }, (_, i) => i % 4)
for (let i = 0; i < rows; i++) for (let k = 0; k < 40; k++) data[i * cols + y[i] * 40 + k] += 0.35
const X = new Matrix(data, rows, cols)

test.each(['rbf', 'linear', 'poly'] as const)(
  'a %s fit has the same bits with two threads, and both do work',
  async (kernel) => {
    const one = await new SVC({ kernel, C: 2, threads: 1 }).fit(X, y)
    const two = new SVC({ kernel, C: 2, threads: 2 })
    let worked = 0
    const onProgress = ({ threads }: { threads: number }) => {
      worked = threads
    }
    // On a busy machine, the other thread may start after this one has done all the work.
    for (let tries = 0; tries < 20 && worked < 2; tries++) await two.fit(X, y, { onProgress })
    expect(worked).toBe(2)
    expect(two.support).toEqual(one.support)
    expect(two.dualCoef.data).toEqual(one.dualCoef.data)
    expect(two.intercept).toEqual(one.intercept)
    expect(two.nIter).toEqual(one.nIter)
  },
)

test('a search has the same results with two threads', async () => {
  const grid = { C: [0.1, 1], gamma: ['scale', 0.01], kernel: ['rbf', 'linear'] } as const
  const search = (threads: number) => new GridSearchCV(new SVC({ threads }), grid, { cv: 3 }).fit(X, y)
  const one = await search(1)
  const two = await search(2)
  expect(two.cvResults).toEqual(one.cvResults)
  expect(Math.max(...one.cvResults.meanTestScore)).toBeGreaterThan(0.5)
})

test('an abort reaches the other threads, and they serve the next call', async () => {
  const search = new GridSearchCV(
    new SVC({ threads: 2 }),
    { C: [0.1, 1, 10], gamma: [0.001, 0.01] },
    { cv: 3 },
  )
  const abort = new AbortController()
  const stopped = search.fit(X, y, { signal: abort.signal, onProgress: () => abort.abort() })
  await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
  const after = await new SVC({ threads: 2 }).fit(X, y)
  expect(await after.score(X, y)).toBeGreaterThan(0.9)
})
