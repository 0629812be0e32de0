import { createHash } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { Random } from '../../src/core/random.ts'
import { PoolThread } from '../../src/engine/wasm/pool-thread.ts'
import { setDefaultThreads } from '../../src/engine/wasm/thread-count.ts'
import { Matrix, OneClassSVM, SVC, SVR, type SvcState } from '../../src/svm.ts'

/** Three classes around three centres, and enough rows to predict for a second thread. */
const [known, rows, cols] = [700, 14_000, 300]
const random = new Random(3)
const cloud = (count: number) => {
  const data = Float32Array.from({ length: count * cols }, () => random.below(2001) / 1000 - 1)
  for (let i = 0; i < count; i++) for (let k = 0; k < 30; k++) data[i * cols + (i % 3) * 30 + k] += 0.4
  return new Matrix(data, count, cols)
}
const X = cloud(known)
const unseen = cloud(rows)
const y = Array.from({ length: known }, (_, i) => i % 3)

/** Repeats a prediction, at most ten times, until the other thread has worked; it may start too late. */
async function whereBothWork<T>(predict: () => Promise<T>): Promise<T> {
  const run = vi.spyOn(PoolThread.prototype, 'run')
  try {
    for (let tries = 1; ; tries++) {
      run.mockClear()
      const found = await predict()
      const answers = await Promise.all(run.mock.results.map(({ value }) => value))
      if (answers.some((answer) => ArrayBuffer.isView(answer))) return found
      if (tries === 10) throw new Error('the other thread has not worked')
    }
  } finally {
    run.mockRestore()
  }
}

function bits(values: Matrix | readonly number[]): string {
  const data = values instanceof Matrix ? values.data : Float64Array.from(values)
  return createHash('sha256').update(data).digest('hex')
}

/** The same model with this number of threads. */
function withThreads(state: SvcState<number>, threads: number): SVC<number> {
  return SVC.fromState({ ...state, options: { ...state.options, threads } })
}

test.each([
  ['rbf', { kernel: 'rbf', probability: true }],
  ['sigmoid', { kernel: 'sigmoid', gamma: 0.001 }],
] as const)(
  '%s: labels, decision values and probabilities have the same bits on any number of threads',
  async (_, options) => {
    const svc = await new SVC<number>(options).fit(X, y)
    const [one, two] = [1, 2].map((threads) => withThreads(svc.toState() as SvcState<number>, threads))
    const progress: number[] = []
    const onProgress = ({ done }: { done: number }) => progress.push(done)
    const found = await whereBothWork(() => two.decisionFunction(unseen, { shape: 'ovo' }))
    expect(bits(found)).toBe(bits(await one.decisionFunction(unseen, { shape: 'ovo' })))
    expect(await two.predict(unseen, { onProgress })).toEqual(await one.predict(unseen))
    expect(progress).toEqual([...progress].sort((a, b) => a - b))
    expect(progress.at(-1)).toBe(rows)
    if ('probability' in options) {
      expect(bits(await two.predictProba(unseen))).toBe(bits(await one.predictProba(unseen)))
    }
    // A few rows are evaluated on this thread.
    const some = unseen.select([0, 5, 77])
    expect(await two.decisionFunction(some)).toEqual(await one.decisionFunction(some))
    for (const each of [svc, one, two]) each.dispose()
  },
)

test('SVR and OneClassSVM use all threads by default', async () => {
  const targets = Float64Array.from({ length: known }, (_, i) => X.row(i)[0] + X.row(i)[1])
  const svr = await new SVR({ epsilon: 0.01 }).fit(X, targets)
  const svm = await new OneClassSVM({ nu: 0.9 }).fit(X)
  const [values, scores] = [
    await whereBothWork(() => svr.predict(unseen)),
    await whereBothWork(() => svm.scoreSamples(unseen)),
  ]
  setDefaultThreads(1)
  try {
    expect(bits(values)).toBe(bits(await svr.predict(unseen)))
    expect(bits(scores)).toBe(bits(await svm.scoreSamples(unseen)))
  } finally {
    setDefaultThreads(undefined)
    svr.dispose()
    svm.dispose()
  }
})

test('rows beyond float32 are evaluated in float64 and returned in order', async () => {
  const svc = await new SVC<number>({ kernel: 'poly', gamma: 1, degree: 4 }).fit(X, y)
  const far = new Matrix(unseen.data.slice(), rows, cols)
  // Kernel values of these rows exceed float32, but their decision values do not.
  for (const row of [100, 5000, 13_999]) for (let k = 0; k < cols; k++) far.data[row * cols + k] *= 2e8
  const [one, two] = [1, 2].map((threads) => withThreads(svc.toState() as SvcState<number>, threads))
  const expected = await one.decisionFunction(far, { shape: 'ovo' })
  expect(Math.max(...expected.row(5000).map(Math.abs))).toBeGreaterThan(1e20)
  const found = await whereBothWork(() => two.decisionFunction(far, { shape: 'ovo' }))
  expect(bits(found)).toBe(bits(expected))
  for (const each of [svc, one, two]) each.dispose()
})

test('an abort stops all threads, and the next prediction is complete', async () => {
  const svc = await new SVC<number>().fit(X, y)
  const [one, two] = [1, 2].map((threads) => withThreads(svc.toState() as SvcState<number>, threads))
  const expected = await one.predict(unseen)
  const abort = new AbortController()
  const stopped = two.predict(unseen, { signal: abort.signal, onProgress: () => abort.abort() })
  await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
  expect(await whereBothWork(() => two.predict(unseen))).toEqual(expected)
  for (const each of [svc, one, two]) each.dispose()
})
