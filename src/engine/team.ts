import { type ErrorCode, SoftmarginError, throwIfAborted } from '../errors.ts'
import { numberOfCores } from '../host/cores.ts'
import { listenToOwner, mayShareMemory, possibleThreads, startThread, type Thread } from '../host/threads.ts'
import { Engine, type Region } from './engine.ts'
import type { Simd } from './module.ts'
import { Pace } from './pace.ts'

/**
 * A kind of work that threads share. `open` prepares it in a thread, from plain data and an engine on the shared
 * memory; what it answers does one job after the other. The numbers that a job gives must not depend on who does
 * it, nor on what was done before.
 */
export interface Work<Context, Job, Result> {
  name: string
  open(engine: Engine, context: Context): (job: Job, pace: Pace) => Promise<Result>
}

// biome-ignore lint/suspicious/noExplicitAny: contexts, jobs and results differ from work to work
type AnyWork = Work<any, any, any>

type Order =
  | { type: 'open'; work: string; simd: Simd; region: Region; context: unknown }
  | { type: 'job'; id: number; job: unknown }
  | { type: 'abort' }

type Report =
  | { type: 'done'; id: number; result: unknown }
  | { type: 'failed'; id: number; error: { code: ErrorCode | undefined; message: string } }

/** Threads that wait for work. They do not keep the process alive. */
const idle: Member[] = []

/** A thread and the jobs that it was given and has not answered. */
class Member {
  readonly #thread: Promise<Thread>
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: unknown): void }>()
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

  async order(order: Order): Promise<void> {
    const thread = await this.#thread
    thread.post(order)
  }

  async do(job: unknown): Promise<unknown> {
    const thread = await this.#thread
    if (this.failed) throw this.#failure
    const id = this.#next++
    thread.setBusy(true)
    thread.post({ type: 'job', id, job } satisfies Order)
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }

  async rest(): Promise<void> {
    const thread = await this.#thread
    thread.setBusy(false)
  }

  #hear(report: Report): void {
    const waiting = this.#waiting.get(report.id)
    this.#waiting.delete(report.id)
    if (report.type === 'done') waiting?.resolve(report.result)
    else {
      const { code, message } = report.error
      waiting?.reject(new SoftmarginError(code ?? 'INTERNAL', message))
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    for (const { reject } of this.#waiting.values()) reject(this.#failure)
    this.#waiting.clear()
  }
}

/** Jobs that are on their way to a thread while it works: it need not wait for an answer to be heard. */
const AHEAD = 2

/** A work that is open in this thread and in others that share its memory. */
export class Team<Job, Result> {
  readonly #members: Member[]
  readonly #local: (job: Job, pace: Pace) => Promise<Result>
  readonly #worked = new Set<Member>()

  private constructor(members: Member[], local: (job: Job, pace: Pace) => Promise<Result>) {
    this.#members = members
    this.#local = local
  }

  /**
   * Opens a work here and in the other threads.
   *
   * @param engine on a shared memory
   * @param bytes memory that each thread wants for itself
   * @param open opens the work in this thread, once the others have their memory; default: as they do
   */
  static async open<Context, Job, Result>(
    work: Work<Context, Job, Result>,
    engine: Engine,
    simd: Simd,
    threads: number,
    context: Context,
    bytes: number,
    open = () => work.open(engine, context),
  ): Promise<Team<Job, Result>> {
    const members: Member[] = []
    while (members.length < threads - 1) {
      const member = idle.pop() ?? new Member()
      if (!member.failed) members.push(member)
    }
    for (const member of members) {
      const from = engine.allocate(bytes)
      const region = { memory: engine.memory, from, to: from + bytes }
      // A thread that cannot start is missed, not mourned: its jobs are done here.
      member.order({ type: 'open', work: work.name, simd, region, context }).catch(() => {})
    }
    return new Team(members, open())
  }

  /** Threads that have done a job, and this one. */
  get threads(): number {
    return 1 + this.#worked.size
  }

  /**
   * Does the jobs, each once, in any order; the first ones begin first.
   *
   * @param onResult called once a job, in any order
   * @throws whatever a job throws, and `ABORTED`; then no job is under way any more
   */
  async run(jobs: readonly Job[], pace: Pace, onResult: (result: Result, job: Job) => void): Promise<void> {
    let next = 0
    const lost: Job[] = []
    const take = () => lost.pop() ?? jobs[next++]
    let failure: { error: unknown } | undefined
    const fail = (error: unknown) => {
      failure ??= { error }
      for (const member of this.#members) member.order({ type: 'abort' }).catch(() => {})
    }
    // This thread may have no job of its own that would hear of it.
    const abort = () => {
      try {
        throwIfAborted(pace.signal)
      } catch (error) {
        fail(error)
      }
    }
    const work = async (todo: (job: Job) => Promise<Result>, isLost: () => boolean) => {
      for (let job = take(); job !== undefined && !failure; job = take()) {
        try {
          onResult(await todo(job), job)
        } catch (error) {
          if (isLost()) lost.push(job)
          else fail(error)
          return
        }
      }
    }
    const here = () =>
      work(
        async (job) => {
          const result = await this.#local(job, pace)
          // The others are heard only now, and may be waiting for a job.
          if (this.#members.length > 0) await pace.rest()
          return result
        },
        () => false,
      )
    const there = (member: Member) =>
      work(
        async (job) => {
          const result = await member.do(job)
          this.#worked.add(member)
          return result as Result
        },
        () => member.failed,
      )
    pace.signal?.addEventListener('abort', abort, { once: true })
    try {
      // Each thread gets a job before any gets a second one.
      const first = this.#members.map(there)
      const own = here()
      const ahead = this.#members.flatMap((member) => Array.from({ length: AHEAD - 1 }, () => there(member)))
      await Promise.all([own, ...first, ...ahead])
      // Jobs of a thread that was lost on the way.
      if (!failure) await here()
    } finally {
      pace.signal?.removeEventListener('abort', abort)
    }
    if (failure) throw (failure as { error: unknown }).error
  }

  /** Lets the threads go. */
  close(): void {
    for (const member of this.#members) {
      if (member.failed) continue
      member.rest()
      idle.push(member)
    }
  }
}

/** What is wanted by who wants no number of their own. */
let usual: number | undefined

/** From now on, work for which no number of threads is wanted gets so many: `undefined` for one for each core. */
export function useThreads(threads: number | undefined): void {
  usual = threads === undefined ? undefined : possibleThreads(threads)
}

/**
 * How many threads a piece of work is worth: 1 where memory may not be shared, with a warning for who wanted more,
 * and where the work is short.
 */
export async function threadsFor(wanted: number | undefined, multiplyAdds: number): Promise<number> {
  const threads = wanted === undefined ? usual : possibleThreads(wanted)
  if (threads === 1 || multiplyAdds < WORTHWHILE || !mayShareMemory()) return 1
  return threads ?? numberOfCores()
}

/** Multiply-adds that take some tenths of a second: less is done before a thread has started. */
const WORTHWHILE = 2e9

/** In a thread: does what its owner orders, for ever. */
export async function serve(works: AnyWork[]): Promise<void> {
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
      aborts = new AbortController()
      const work = works.find(({ name }) => name === order.work)!
      current = last.then(async () => work.open(await Engine.join(simd, region), context))
      last = current.catch(() => {})
      return
    }
    const { signal } = aborts
    const { id, job } = order
    // One after the other: jobs share the thread's memory.
    last = last
      .then(async () => (await current)(job, new Pace(signal)))
      .then(
        (result) => post({ type: 'done', id, result } satisfies Report, []),
        (error) => {
          const code = error instanceof SoftmarginError ? error.code : undefined
          post({ type: 'failed', id, error: { code, message: String(error?.message ?? error) } }, [])
        },
      )
  })
}
