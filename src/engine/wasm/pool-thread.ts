// Both ends of a pool thread: `PoolThread` in the owner and `serve` in the thread, with the messages between them.

import { type ErrorCode, SoftmarginError } from '../../core/errors.ts'
import { listenToOwner, startThread, type Thread } from '../../host/threads.ts'
import { Engine, type Region } from './engine.ts'
import type { JobType } from './job.ts'
import type { Simd } from './module.ts'
import { TimeSlice } from './time-slice.ts'

/** Jobs queued per thread, including the running one, so that a thread does not idle until its owner sends the next. */
export const QUEUE_LENGTH = 2

/** Result of a job that was taken back before the thread started it. */
export const STOLEN = Symbol('taken back')

type PoolRequest =
  | { type: 'open'; work: string; simd: Simd; region: Region; context: unknown }
  | { type: 'job'; id: number; job: unknown; claim: Int32Array }
  | { type: 'abort' }

type PoolResponse =
  /** Comes once for each `open`, in their order, whether it succeeded or not. */
  | { type: 'opened' }
  | { type: 'done'; id: number; result: unknown }
  | { type: 'failed'; id: number; error: { code: ErrorCode | undefined; message: string } }

interface PendingJob {
  job: unknown
  /** Shared flag: set to 1 by whichever comes first, the thread starting the job or the owner taking it back. */
  claim: Int32Array
  resolve(result: unknown): void
  reject(error: unknown): void
}

/** A thread of a pool and its pending jobs, which it runs in order. */
export class PoolThread {
  readonly #thread: Promise<Thread>
  readonly #pending = new Map<number, PendingJob>()
  readonly #opening: (() => void)[] = []
  #failure: unknown
  #next = 0

  constructor() {
    this.#thread = startThread({
      onMessage: (message) => this.#receive(message as PoolResponse),
      onFailure: (error) => this.#fail(error),
    })
    this.#thread.catch((error) => this.#fail(error))
  }

  /** Whether the thread failed to start or crashed. */
  get failed(): boolean {
    return this.#failure !== undefined
  }

  /**
   * Prepares the thread for the jobs of the `JobType` named `work`; resolves when it is prepared, or has failed to.
   * Rejects if the thread cannot start.
   */
  async open(work: string, simd: Simd, region: Region, context: unknown): Promise<void> {
    await this.#post({ type: 'open', work, simd, region, context })
    if (!this.failed) await new Promise<void>((resolve) => this.#opening.push(resolve))
  }

  /** Aborts the running job and takes back the others. */
  async abort(): Promise<void> {
    while (this.steal() !== undefined);
    await this.#post({ type: 'abort' })
  }

  async #post(order: PoolRequest): Promise<void> {
    const thread = await this.#thread
    thread.post(order)
  }

  /** Runs a job. Returns its result, or `STOLEN`; rejects with the error of the job or of the thread. */
  async run(job: unknown): Promise<unknown> {
    const thread = await this.#thread
    if (this.failed) throw this.#failure
    const id = this.#next++
    const claim = new Int32Array(new SharedArrayBuffer(4))
    thread.setBusy(true)
    thread.post({ type: 'job', id, job, claim } satisfies PoolRequest)
    return new Promise((resolve, reject) => this.#pending.set(id, { job, claim, resolve, reject }))
  }

  /** Takes back the last queued job and returns it; undefined if there is none that has not started. */
  steal(): unknown {
    const [last] = [...this.#pending].reverse()
    if (!last) return undefined
    const [id, { job, claim, resolve }] = last
    if (!isFirst(claim)) return undefined
    this.#pending.delete(id)
    resolve(STOLEN)
    return job
  }

  /** Marks the thread as idle, so that it no longer keeps the process alive. */
  async release(): Promise<void> {
    const thread = await this.#thread
    thread.setBusy(false)
  }

  #receive(report: PoolResponse): void {
    if (report.type === 'opened') {
      this.#opening.shift()?.()
      return
    }
    const given = this.#pending.get(report.id)
    this.#pending.delete(report.id)
    if (report.type === 'done') given?.resolve(report.result)
    else {
      const { code, message } = report.error
      given?.reject(new SoftmarginError(code ?? 'INTERNAL', message))
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    for (const { reject } of this.#pending.values()) reject(this.#failure)
    this.#pending.clear()
    for (const resolve of this.#opening.splice(0)) resolve()
  }
}

/** Claims a job atomically; false if it was already claimed. */
function isFirst(claim: Int32Array): boolean {
  return Atomics.exchange(claim, 0, 1) === 0
}

// biome-ignore lint/suspicious/noExplicitAny: contexts, jobs and results differ between job types
type AnyJobType = JobType<any, any, any>

/** The main loop of a pool thread: handles the requests of its owner. `works` lists the supported types of job. */
export async function serve(works: AnyJobType[]): Promise<void> {
  let current: Promise<(job: unknown, timeSlice: TimeSlice) => Promise<unknown>>
  let last: Promise<unknown> = Promise.resolve()
  let aborts = new AbortController()
  const post = await listenToOwner((message) => {
    const order = message as PoolRequest
    if (order.type === 'abort') {
      aborts.abort()
      return
    }
    if (order.type === 'open') {
      const { simd, region, context } = order
      aborts = new AbortController()
      const work = works.find(({ name }) => name === order.work)!
      current = last.then(async () => work.open(await Engine.join(simd, region), context))
      // A job reports why the thread could not be prepared.
      last = current.catch(() => {}).then(() => post({ type: 'opened' } satisfies PoolResponse, []))
      return
    }
    const { signal } = aborts
    const { id, job, claim } = order
    const run = async (): Promise<PoolResponse | undefined> => {
      if (!isFirst(claim)) return undefined
      try {
        const doJob = await current
        return { type: 'done', id, result: await doJob(job, new TimeSlice(signal)) }
      } catch (error) {
        const code = error instanceof SoftmarginError ? error.code : undefined
        return { type: 'failed', id, error: { code, message: String((error as Error)?.message ?? error) } }
      }
    }
    // Jobs run sequentially because they share the thread's memory.
    last = last.then(run).then((report) => report && post(report, []))
  })
}
