import { type ErrorCode, SoftmarginError } from '../errors.ts'
import { listenToOwner, startThread, type Thread } from '../host/threads.ts'
import { Engine, type Region } from './engine.ts'
import type { Simd } from './module.ts'
import { Pace } from './pace.ts'
import type { Work } from './work.ts'

/** Jobs that a thread has, with the one that it works at: it need not wait for an answer to be heard. */
export const AHEAD = 2

/** What became of a job that was taken back before the thread came to it. */
export const TAKEN_BACK = Symbol('taken back')

type Order =
  | { type: 'open'; work: string; simd: Simd; region: Region; context: unknown; claims: Int32Array }
  | { type: 'job'; id: number; job: unknown }
  | { type: 'abort' }

type Report =
  | { type: 'done'; id: number; result: unknown }
  | { type: 'failed'; id: number; error: { code: ErrorCode | undefined; message: string } }
  | { type: 'taken back'; id: number }

interface Given {
  job: unknown
  takenBack: boolean
  resolve(result: unknown): void
  reject(error: unknown): void
}

/** A thread and the jobs that it was given and has not answered: at most `AHEAD`, which it answers in their order. */
export class Member {
  readonly #thread: Promise<Thread>
  readonly #given = new Map<number, Given>()
  readonly #claims = new Int32Array(new SharedArrayBuffer(AHEAD * 4))
  #failure: unknown
  #next = 0

  constructor() {
    this.#thread = startThread({
      onMessage: (message) => this.#hear(message as Report),
      onFailure: (error) => this.#fail(error),
    })
    this.#thread.catch((error) => this.#fail(error))
  }

  get failed(): boolean {
    return this.#failure !== undefined
  }

  async open(work: string, simd: Simd, region: Region, context: unknown): Promise<void> {
    await this.#order({ type: 'open', work, simd, region, context, claims: this.#claims })
  }

  async abort(): Promise<void> {
    await this.#order({ type: 'abort' })
  }

  async #order(order: Order): Promise<void> {
    const thread = await this.#thread
    thread.post(order)
  }

  /** Answers what the job gives, or `TAKEN_BACK`. */
  async do(job: unknown): Promise<unknown> {
    const thread = await this.#thread
    if (this.failed) throw this.#failure
    const id = this.#next++
    Atomics.store(this.#claims, id % AHEAD, 0)
    thread.setBusy(true)
    thread.post({ type: 'job', id, job } satisfies Order)
    return new Promise((resolve, reject) => {
      this.#given.set(id, { job, takenBack: false, resolve, reject })
    })
  }

  /** Takes back the job that the thread would come to last; undefined if it has begun all. */
  takeBack(): unknown {
    for (const [id, given] of [...this.#given].reverse()) {
      if (!claim(this.#claims, id)) continue
      given.takenBack = true
      return given.job
    }
    return undefined
  }

  async rest(): Promise<void> {
    const thread = await this.#thread
    thread.setBusy(false)
  }

  #hear(report: Report): void {
    const given = this.#given.get(report.id)
    this.#given.delete(report.id)
    if (report.type === 'done') given?.resolve(report.result)
    else if (report.type === 'taken back') given?.resolve(TAKEN_BACK)
    else {
      const { code, message } = report.error
      given?.reject(new SoftmarginError(code ?? 'INTERNAL', message))
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    for (const { takenBack, resolve, reject } of this.#given.values()) {
      if (takenBack) resolve(TAKEN_BACK)
      else reject(this.#failure)
    }
    this.#given.clear()
  }
}

/**
 * Whether a job is the caller's, who may be the thread that comes to it or its owner who wants it back: whoever asks
 * first. A place serves every `AHEAD`th job, for by then the one before has been answered.
 */
function claim(claims: Int32Array, id: number): boolean {
  return Atomics.exchange(claims, id % AHEAD, 1) === 0
}

// biome-ignore lint/suspicious/noExplicitAny: contexts, jobs and results differ from work to work
type AnyWork = Work<any, any, any>

/** In a thread: does what its owner orders, for ever. */
export async function serve(works: AnyWork[]): Promise<void> {
  let claims: Int32Array
  let current: Promise<(job: unknown, pace: Pace) => Promise<unknown>>
  let last: Promise<unknown> = Promise.resolve()
  let aborts = new AbortController()
  const post = await listenToOwner((message) => {
    const order = message as Order
    if (order.type === 'abort') {
      aborts.abort()
      return
    }
    if (order.type === 'open') {
      const { simd, region, context } = order
      claims = order.claims
      aborts = new AbortController()
      const work = works.find(({ name }) => name === order.work)!
      current = last.then(async () => work.open(await Engine.join(simd, region), context))
      last = current.catch(() => {})
      return
    }
    const { signal } = aborts
    const { id, job } = order
    const run = async (): Promise<Report> => {
      if (!claim(claims, id)) return { type: 'taken back', id }
      try {
        const doJob = await current
        return { type: 'done', id, result: await doJob(job, new Pace(signal)) }
      } catch (error) {
        const code = error instanceof SoftmarginError ? error.code : undefined
        return { type: 'failed', id, error: { code, message: String((error as Error)?.message ?? error) } }
      }
    }
    // One after the other: jobs share the thread's memory.
    last = last.then(run).then((report) => post(report, []))
  })
}
