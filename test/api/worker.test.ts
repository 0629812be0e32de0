import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Random } from '../../src/core/random.ts'
import * as local from '../../src/index.ts'
import { type Remote, SoftmarginError, spawn } from '../../src/worker/spawn.ts'

const entry = new URL('../../dist/lib/worker-entry.js', import.meta.url)
const random = new Random(3)

/** Rows around three centres. */
function clouds(rows: number, cols: number): { X: local.Matrix; y: string[] } {
  const y = Array.from({ length: rows }, (_, i) => ['ant', 'bee', 'cat'][i % 3])
  const data = Float32Array.from({ length: rows * cols }, (_, at) => {
    const row = Math.floor(at / cols)
    return random.below(1000) / 500 - 1 + (at % cols === row % 3 ? 1 : 0)
  })
  return { X: new local.Matrix(data, rows, cols), y }
}

const { X, y } = clouds(240, 6)
const large = clouds(3000, 20)
const picture = (seed: number) => ({
  data: Uint8Array.from({ length: 24 * 24 * 3 }, (_, i) => (i * seed) % 256),
  width: 24,
  height: 24,
  channels: 3 as const,
})

let remote: Remote
beforeAll(async () => {
  remote = await spawn()
})
afterAll(() => remote.dispose())

describe('the library in a worker', () => {
  it('fits and predicts like the library in this thread', async () => {
    expect(remote.isWorker).toBe(true)
    const here = await new local.SVC({ C: 2 }).fit(X, y)
    const there = new remote.SVC({ C: 2 })
    expect(await there.fit(X, y)).toBe(there)
    expect(there instanceof remote.SVC).toBe(true)
    expect(await there.predict(X)).toEqual(await here.predict(X))
    expect(await there.classes).toEqual(here.classes)
    expect(await there.decisionFunction(X)).toEqual(await here.decisionFunction(X))
    expect(await there.toState()).toEqual(here.toState())
    expect(await there.getParams()).toEqual(here.getParams())
    const again = await remote.SVC.fromState(here.toState())
    expect(await again.predict([...X.data.subarray(0, 6)].map(() => X.row(0)))).toHaveLength(6)
  })

  it('fine-tunes like the library in this thread and reports progress', async () => {
    const pictures = [3, 5, 7, 11, 13, 17].map(picture)
    const kinds = ['a', 'b', 'a', 'b', 'a', 'b']
    const options = { from: 'stage3', epochs: 1, batchSize: 3, validation: 0 }
    const stages = new Set<string>()
    const there = await remote.FeatureExtractor.create()
    const tuned = await there.fineTune(pictures, kinds, {
      ...options,
      onProgress: (p) => stages.add(p.stage),
    })
    const here = await local.FeatureExtractor.create()
    const own = await here.fineTune(pictures, kinds, options)
    expect(await tuned.extract(pictures)).toEqual(await own.extract(pictures))
    expect(await tuned.tuning).toEqual(own.tuning)
    expect(await tuned.toOnnx()).toEqual(await own.toOnnx())
    expect([...stages]).toEqual(['features', 'activations', 'training'])
    for (const one of [there, tuned, here, own]) await one.dispose()
  }, 300_000)

  it('returns properties repeatedly without detaching their buffers', async () => {
    const svc = await new remote.SVC().fit(X, y)
    const first = await svc.supportVectors
    const state = await svc.toState()
    expect(await svc.supportVectors).toEqual(first)
    expect(await svc.toState()).toEqual(state)
    expect(await svc.score(X, y)).toBeGreaterThan(0.5)
  })

  it('runs a grid search with an estimator and a splitter that live in the worker', async () => {
    const grid = { C: [0.5, 2], gamma: ['scale', 0.1] as const } as const
    const here = await new local.GridSearchCV(new local.SVC(), grid, { cv: 3 }).fit(X, y)
    for (const cv of [
      3,
      new remote.StratifiedKFold({ nSplits: 3 }),
      new local.StratifiedKFold({ nSplits: 3 }),
    ]) {
      const there = new remote.GridSearchCV(new remote.SVC(), grid, { cv } as { cv: number })
      await there.fit(X, y)
      expect(await there.cvResults).toEqual(here.cvResults)
      const best = await there.bestEstimator
      expect(await best.predict(X)).toEqual(await here.predict(X))
      expect(await there.bestEstimator).toBe(best)
    }
  })

  it('cross-validates', async () => {
    const there = new remote.SVC({ C: 2 })
    const here = new local.SVC({ C: 2 })
    const cv = new remote.StratifiedKFold({ nSplits: 3 })
    expect(await remote.crossValScore(there, X, y, { cv } as { cv: never })).toEqual(
      await local.crossValScore(here, X, y, { cv: 3 }),
    )
    const groups = Array.from(y, (_, i) => Math.floor(i / 2))
    const expected = await local.crossValScore(here, X, y, { cv: 3, groups })
    expect(await remote.crossValScore(there, X, y, { cv: 3, groups })).toEqual(expected)
    const grouped = new remote.StratifiedGroupKFold({ nSplits: 3 })
    expect(await remote.crossValScore(there, X, y, { cv: grouped as never, groups })).toEqual(expected)
    const left = new remote.LeaveOneOut()
    const fixed = { C: 2, gamma: 0.1 }
    expect(await remote.crossValPredict(new remote.SVC(fixed), X, y, { cv: left as never })).toEqual(
      await local.crossValPredict(new local.SVC(fixed), X, y, { cv: new local.LeaveOneOut() }),
    )
    expect(await remote.leaveOneOut(there, X, y)).toEqual(await local.leaveOneOut(here, X, y))
    expect(await remote.nearDuplicates(X)).toEqual(await local.nearDuplicates(X))
    const seen: number[] = []
    const o = { cv: 3, scale: 'standard', method: 'decisionFunction' } as const
    expect(
      await remote.crossValPredict(there, X, y, { ...o, onProgress: ({ done }) => seen.push(done) }),
    ).toEqual(await local.crossValPredict(here, X, y, o))
    expect(seen).toEqual([1, 2, 3])
    await expect(remote.crossValPredict(there, X, y, { cv: 1 })).rejects.toMatchObject({ argument: 'cv' })
  })

  it('extracts features and trains image classifiers', async () => {
    const images = [1, 2, 3, 4, 5, 6].map((i) => picture(2 * i + 1))
    const here = await local.FeatureExtractor.create()
    const there = await remote.FeatureExtractor.create()
    expect(await there.extract(images)).toEqual(await here.extract(images))
    expect(await there.featureSize).toBe(here.featureSize)
    const labels = images.map((_, i) => i % 2)
    const classifier = await remote.ImageClassifier.create({
      extractor: there,
      svm: new remote.SVC({ C: 3 }),
    })
    await classifier.fit(images, labels)
    const sameHere = await local.ImageClassifier.create({ extractor: here, svm: { C: 3 } })
    await sameHere.fit(images, labels)
    expect(await classifier.save()).toEqual(await sameHere.save())
    expect(await (await classifier.svm).classes).toEqual([0, 1])
    const explained = await classifier.explain(images[0])
    expect(explained).toEqual(await sameHere.explain(images[0]))
    expect(explained.map).toBeInstanceOf(local.Matrix)
    expect(await classifier.suspects()).toEqual(await sameHere.suspects())
    expect(await classifier.decisionFunction(images)).toEqual(await sameHere.decisionFunction(images))
    const unreadable: [number, unknown][] = []
    const options = { onUnreadable: (i: number, error: unknown) => void unreadable.push([i, error]) }
    expect(await classifier.predict([images[0], new Uint8Array(9)], options)).toEqual([0, null])
    expect(unreadable).toEqual([[1, expect.any(SoftmarginError)]])
    expect(unreadable[0][1]).toMatchObject({ code: 'IMAGE_UNREADABLE' })
    await classifier.dispose()
    await there.dispose()
    here.dispose()
  })
})

describe('arguments', () => {
  it('are copied; of a view, only its own elements', async () => {
    const whole = new Float32Array(12).map((_, i) => i)
    const rows = [whole.subarray(0, 3), whole.subarray(3, 6), whole.subarray(6, 9)]
    const scaled = await new remote.StandardScaler().fitTransform(rows)
    expect(scaled).toBeInstanceOf(local.Matrix)
    expect(scaled).toEqual(await new local.StandardScaler().fitTransform(rows))
    expect(whole).toHaveLength(12)
  })

  it('may be many rows of numbers and keep their float64 values', async () => {
    const rows = clouds(300, 40).X
    const numbers = Array.from({ length: 300 }, (_, i) => Array.from(rows.row(i), (value) => value / 3))
    const labels = numbers.map((_, i) => i % 3)
    const there = await new remote.SVC().fit(numbers, labels)
    const here = await new local.SVC().fit(numbers, labels)
    expect(await there.toState()).toEqual(here.toState())
    numbers[299][39] = Number.NaN
    await expect(there.predict(numbers)).rejects.toMatchObject({ code: 'NOT_FINITE' })
    numbers[299].pop()
    await expect(there.predict(numbers)).rejects.toMatchObject({ code: 'SHAPE_MISMATCH' })
  })

  it('are copied in chunks when long, in order, each once', async () => {
    const long = new local.Matrix(
      Float32Array.from({ length: 4e6 }, (_, i) => i % 1009),
      4e4,
      100,
    )
    const scaled = new remote.StandardScaler().fitTransform(long)
    const svc = new remote.SVC()
    const fit = svc.fit(X, y)
    const pixels = { data: new Uint8Array(2e7).fill(77), width: 5000, height: 4000, channels: 1 as const }
    const extractor = await remote.FeatureExtractor.create()
    const [one, two] = [await extractor.extract([pixels]), await extractor.extract([pixels, pixels])]
    expect(two).toEqual(new local.Matrix(Float32Array.of(...one.data, ...one.data), 2, one.cols))
    const { data } = await new local.StandardScaler().fitTransform(long)
    expect(Buffer.from((await scaled).data.buffer).equals(Buffer.from(data.buffer))).toBe(true)
    expect(await fit).toBe(svc)
    expect([long.data.length, pixels.data.length]).toEqual([4e6, 2e7])
    await extractor.dispose()
  })

  it('can be aborted while they are being copied', async () => {
    const long = new local.Matrix(new Float32Array(6e6), 6e4, 100)
    const controller = new AbortController()
    const fitting = new remote.SVC().fit(long, new Array(6e4).fill(0), { signal: controller.signal })
    controller.abort('enough')
    await expect(fitting).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' })
    expect(await (await new remote.SVC().fit(X, y)).classes).toHaveLength(3)
  })

  it('are transferred with transfer: true', async () => {
    const mine = new local.Matrix(X.data.slice(), X.rows, X.cols)
    await new remote.SVC().fit(mine, y, { transfer: true })
    expect(mine.data).toHaveLength(0)
    const other = new local.Matrix(X.data.slice(), X.rows, X.cols)
    expect((await new remote.StandardScaler().fitTransform(other, { transfer: true })).rows).toBe(X.rows)
    expect(other.data.buffer.byteLength).toBe(0)
  })

  it.each<[string, (r: Remote) => Promise<unknown>, object]>([
    [
      'C of -1',
      async (r) => await new r.SVC({ C: -1 }),
      { code: 'INVALID_ARGUMENT', argument: 'C', received: -1 },
    ],
    [
      'C of -1, found late',
      (r) => new r.SVC({ C: -1 }).fit(X, y),
      { code: 'INVALID_ARGUMENT', argument: 'C' },
    ],
    ['no fit', (r) => new r.SVC().predict(X), { code: 'NOT_FITTED' }],
    ['y too short', (r) => new r.SVC().fit(X, y.slice(1)), { code: 'SHAPE_MISMATCH' }],
    [
      'a path to nothing',
      (r) => r.decodeImage('no/such.png'),
      { code: 'FILE_UNREADABLE', cause: expect.any(Error) },
    ],
    [
      'a scorer',
      async (r) => await new r.GridSearchCV(new r.SVC(), { C: [1] }, { scoring: () => 1 }),
      { code: 'INVALID_ARGUMENT', argument: 'scoring' },
    ],
    ['what cannot be sent', (r) => new r.SVC().fit(new WeakMap() as never, y), { code: 'INVALID_ARGUMENT' }],
    [
      'no such method',
      (r) => (new r.SVC() as never as { fits(): Promise<void> }).fits(),
      { name: 'TypeError', message: 'fits is not a function' },
    ],
  ])('that are invalid (%s) throw the same error as in this thread', async (_, call, expected) => {
    const error = await call(remote).then(
      () => undefined,
      (reason) => reason,
    )
    expect(error).toMatchObject(expected)
    if ('code' in expected) expect(error).toBeInstanceOf(SoftmarginError)
  })

  it('cannot include a module as the runtime', async () => {
    const runtime = { InferenceSession: { create: async () => ({ run: async () => ({}) }) }, Tensor: Object }
    await expect(remote.FeatureExtractor.create({ runtime })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      argument: 'runtime',
      message: expect.stringContaining('cannot be sent to a worker'),
    })
  })

  it('cannot be objects of another spawn()', async () => {
    const other = await spawn()
    const svc = new other.SVC()
    await expect((async () => await new remote.GridSearchCV(svc, { C: [1] }))()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
    await other.dispose()
  })
})

describe('progress and abort', () => {
  it('reports progress in order and before the call ends', async () => {
    const reported: number[] = []
    await new remote.GridSearchCV(new remote.SVC(), { C: [1, 2, 3] }, { cv: 2 }).fit(X, y, {
      onProgress: ({ done }) => {
        reported.push(done)
        // The returned function could not be sent, but return values of callbacks are ignored.
        return () => {}
      },
    })
    expect(reported.at(-1)).toBe(7)
    expect(reported).toEqual(reported.toSorted((a, b) => a - b))
  })

  it('aborts with the given reason and keeps the object usable', async () => {
    const svc = new remote.SVC({ C: 1e4, tol: 1e-6 })
    const controller = new AbortController()
    const fitting = svc.fit(large.X, large.y, { signal: controller.signal })
    setTimeout(() => controller.abort('enough'), 50)
    await expect(fitting).rejects.toMatchObject({ name: 'AbortError', code: 'ABORTED', cause: 'enough' })
    await expect(svc.fit(X, y, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
    await svc.fit(X, y)
    expect(await svc.classes).toHaveLength(3)
  })

  it('rejects a call with the error that its onProgress throws', async () => {
    const mine = new Error('mine')
    const onProgress = () => {
      throw mine
    }
    await expect(new remote.SVC().fit(X, y, { onProgress })).rejects.toBe(mine)
  })
})

describe('the worker', () => {
  it('rejects pending and later calls after dispose()', async () => {
    const own = await spawn()
    const svc = new own.SVC({ C: 1e4, tol: 1e-6 })
    const fitting = svc.fit(large.X, large.y)
    const second = svc.predict(X)
    await own.dispose()
    await expect(fitting).rejects.toMatchObject({ code: 'WORKER_LOST' })
    await expect(second).rejects.toMatchObject({ code: 'WORKER_LOST' })
    await expect(svc.predict(X)).rejects.toMatchObject({ code: 'DISPOSED' })
    await expect((async () => await new own.SVC())()).rejects.toMatchObject({ code: 'DISPOSED' })
    await own.dispose()
  })

  it('reports WORKER_LOST when the worker is terminated from outside', async () => {
    const worker = new Worker(entry)
    const own = await spawn({ worker })
    const fitting = new own.SVC({ C: 1e4, tol: 1e-6 }).fit(large.X, large.y)
    setTimeout(() => worker.terminate(), 50)
    await expect(fitting).rejects.toMatchObject({ code: 'WORKER_LOST' })
    await expect(new own.SVC().fit(X, y)).rejects.toMatchObject({ code: 'WORKER_LOST' })
  })

  it('serves several spawns, ignores foreign messages and is not terminated by them', async () => {
    const worker = new Worker(entry)
    const [one, two] = await Promise.all([spawn({ worker }), spawn({ worker })])
    for (const foreign of [null, 'text', { id: 1, type: 'APPLY', path: [] }, { softmargin: 1 }, [1]]) {
      worker.postMessage(foreign)
    }
    const fits = await Promise.all([new one.SVC().fit(X, y), new two.SVC({ C: 2 }).fit(X, y)])
    await one.dispose()
    expect(await fits[1].score(X, y)).toBeGreaterThan(0.5)
    await two.dispose()
    expect(await worker.terminate()).toBe(1)
  })

  it('may be a URL or a factory, and reports a worker that does not start', async () => {
    for (const worker of [entry, String(entry), () => new Worker(entry)]) {
      const own = await spawn({ worker })
      expect((await new own.Normalizer().transform([[3, 4]])).data).toEqual(Float32Array.of(0.6, 0.8))
      await own.dispose()
    }
    const worker = new URL('nothing.js', entry)
    await expect(spawn({ worker })).rejects.toMatchObject({ code: 'WORKER_LOST' })
    await expect(spawn({ worker: 7 as never })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(spawn({ worker: 'nothing.js' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  it('ignores foreign messages sent by the worker', async () => {
    const program = `
      import { parentPort } from 'node:worker_threads'
      import ${JSON.stringify(entry.href)}
      const foreign = [null, 'text', 7, [], { softmargin: 1 }, { softmargin: '', kind: 'data' }, { softmargin: 'x', kind: 'ready' }]
      for (const message of foreign) parentPort.postMessage(message)
      parentPort.on('message', () => foreign.forEach((message) => parentPort.postMessage(message)))`
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`))
    const own = await spawn({ worker })
    expect(await (await new own.SVC().fit(X, y)).classes).toHaveLength(3)
    await own.dispose()
    await worker.terminate()
  })

  it('computes while another worker is busy, and answers other calls while it is busy', async () => {
    const busy = await spawn()
    const controller = new AbortController()
    let isOver = false
    const grid = { gamma: Array.from({ length: 500 }, (_, i) => (i + 1) / 1000) }
    const fitting = new busy.GridSearchCV(new busy.SVC(), grid)
      .fit(large.X, large.y, { signal: controller.signal })
      .catch((error) => error)
      .finally(() => {
        isOver = true
      })
    const second = await spawn()
    expect(await new second.SVC().fit(X, y).then((svc) => svc.score(X, y))).toBeGreaterThan(0.5)
    expect(await new busy.SVC().fit(X, y).then((svc) => svc.score(X, y))).toBeGreaterThan(0.5)
    expect(isOver).toBe(false)
    controller.abort()
    expect(await fitting).toMatchObject({ code: 'ABORTED' })
    await Promise.all([busy.dispose(), second.dispose()])
  })

  it('rejects calls of a disposed object', async () => {
    const svc = await new remote.SVC().fit(X, y)
    await svc.dispose()
    await expect(svc.predict(X)).rejects.toMatchObject({ code: 'DISPOSED' })
  })

  it('has as many threads as spawn() was asked for', async () => {
    const wide = clouds(1600, 2000)
    for (const threads of [1, 2]) {
      const own = await spawn({ threads })
      let worked = 0
      const onProgress = (progress: { threads: number }) => {
        worked = progress.threads
      }
      // On a busy machine, the other thread may start after this one has done all the work.
      for (let tries = 0; tries < 20 && worked < threads; tries++) {
        await new own.SVC().fit(wide.X, wide.y, { onProgress })
      }
      expect(worked).toBe(threads)
      await own.dispose()
    }
    for (const threads of [0, 1.5, '2']) {
      await expect(spawn({ threads: threads as number })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        argument: 'threads',
      })
    }
  })

  it('keeps the process alive only while calls are pending', () => {
    const program = `
      import { spawn } from './dist/lib/worker.js'
      const remote = await spawn()
      const svc = new remote.SVC()
      svc.fit([[0], [1], [2], [3]], [0, 0, 1, 1]).then(async () => console.log(await svc.predict([[0], [3]])))`
    const cwd = fileURLToPath(new URL('../..', import.meta.url))
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd,
      timeout: 20_000,
    })
    expect(String(printed)).toBe('[ 0, 1 ]\n')
  })
})

it('runs in the calling thread on a host without workers', async () => {
  vi.stubGlobal('EdgeRuntime', 'edge-runtime')
  vi.stubGlobal('Worker', undefined)
  try {
    const own = await spawn()
    expect(own.isWorker).toBe(false)
    const scaler = new own.StandardScaler()
    const mine = new local.Matrix(X.data.slice(), X.rows, X.cols)
    expect(await scaler.fitTransform(mine)).toEqual(await new local.StandardScaler().fitTransform(X))
    expect(mine).toEqual(X)
    expect(await scaler.mean).toBeInstanceOf(Float64Array)
    await expect((async () => await new own.SVC({ C: 0 }))()).rejects.toMatchObject({ argument: 'C' })
    await own.dispose()
    await expect(scaler.fit(X)).rejects.toMatchObject({ code: 'DISPOSED' })
  } finally {
    vi.unstubAllGlobals()
  }
})
