// Both ends of a pool thread: `PoolThread` in the owner and `serve` in the thread, with the messages between them.

import { type ErrorCode, SoftmarginError } from '../../core/errors.ts'
import { hasFileSystem } from '../../host/platform/builtins.ts'
import { holdWorkerLock, watchWorkerLock } from '../../host/platform/worker-lock.ts'
import { listenToOwner, startThread, type Thread } from '../../host/start-thread.ts'
import { isUpTo, mayShareMemory, type ThreadLevel, threadLevel } from '../../host/threads.ts'
import type { OpenWork, WorkByName } from './job.ts'
import { TimeSlice } from './time-slice.ts'

/** Jobs queued per thread, including the running one, so that a thread does not idle until its owner sends the next. */
export const QUEUE_LENGTH = 2

/** Result of a job that was taken back before the thread started it. */
export const TAKEN_BACK = Symbol('taken back')

type PoolRequest =
  /** The thread holds a Web Lock of that name from now on; its release means that the thread has ended. */
  | { type: 'lock'; name: string }
  | { type: 'open'; context: number; work: string; data: unknown }
  | { type: 'job'; context: number; id: number; job: unknown; claim: Int32Array | undefined }
  | { type: 'abort'; context: number }
  | { type: 'close'; context: number }

type PoolResponse =
  | { type: 'locked' }
  | { type: 'opened'; context: number }
  | { type: 'done'; id: number; result: unknown }
  | { type: 'failed'; id: number; error: FailureFacts }
  | { type: 'not opened'; context: number; error: FailureFacts }

interface FailureFacts {
  code: ErrorCode | undefined
  message: string
}

interface PendingJob {
  context: number
  job: unknown
  /**
   * Shared flag: set to 1 by whichever comes first, the thread starting the job or the owner taking it back. Without
   * shared memory there is none, and nothing is taken back.
   */
  claim: Int32Array | undefined
  resolve(result: unknown): void
  reject(error: unknown): void
}

let contexts = 0

/** Data that a thread has been prepared with, for jobs of one kind of work. */
export class ThreadContext {
  readonly thread: PoolThread
  readonly id = contexts++

  constructor(thread: PoolThread) {
    this.thread = thread
  }
}

/** A thread of a pool and its pending jobs, which it runs in order. */
export class PoolThread {
  /** The kinds of work that the thread can do. */
  readonly level: ThreadLevel | undefined = threadLevel()
  readonly #thread: Promise<Thread>
  readonly #pending = new Map<number, PendingJob>()
  readonly #opening = new Map<number, { resolve(): void; reject(error: unknown): void }>()
  readonly #onLost = new Set<() => void>()
  #failure: unknown
  #onLocked: () => void = () => {}
  #next = 0
  #uses = 0

  constructor() {
    this.#thread = startThread({
      onMessage: (message) => this.#receive(message as PoolResponse),
      onFailure: (error) => this.#fail(error),
    })
    this.#thread.then(
      (thread) => this.#watch(thread),
      (error) => this.#fail(error),
    )
  }

  /** Whether the thread failed to start or has ended. */
  get failed(): boolean {
    return this.#failure !== undefined
  }

  /** Calls back when the thread has failed. */
  onLost(listener: () => void): void {
    this.#onLost.add(listener)
  }

  /** Marks the thread as in use: until as many calls of `release`, it keeps the process alive. */
  async retain(): Promise<void> {
    this.#uses++
    const thread = await this.#thread
    if (this.#uses > 0) thread.setBusy(true)
  }

  /** Ends one use of the thread. */
  async release(): Promise<void> {
    this.#uses--
    const thread = await this.#thread
    if (this.#uses === 0) thread.setBusy(false)
  }

  /**
   * Prepares the thread for jobs of a kind of work.
   *
   * @param data structured-cloneable context of the work
   * @returns the context, and a promise that rejects if the thread cannot start or cannot be prepared; jobs may be run
   *   before
   */
  open(work: string, data: unknown): { context: ThreadContext; opened: Promise<void> } {
    const context = new ThreadContext(this)
    const opened = new Promise<void>((resolve, reject) => {
      this.#opening.set(context.id, { resolve, reject })
      this.#post({ type: 'open', context: context.id, work, data }).catch(reject)
    })
    return { context, opened }
  }

  /** Frees a context in the thread after its jobs. */
  async close(context: ThreadContext): Promise<void> {
    if (!this.failed) await this.#post({ type: 'close', context: context.id })
  }

  /** Aborts the running job of a context and takes back its others. */
  async abort(context: ThreadContext): Promise<void> {
    while (this.takeBack(context) !== undefined);
    await this.#post({ type: 'abort', context: context.id })
  }

  async #post(order: PoolRequest, transfer: Transferable[] = []): Promise<void> {
    const thread = await this.#thread
    if (this.failed) throw this.#failure
    thread.post(order, transfer)
  }

  /**
   * Runs a job. Returns its result, or `TAKEN_BACK`; rejects with the error of the job or of the thread.
   *
   * @param transfer objects that are moved to the thread instead of being copied
   */
  async run(context: ThreadContext, job: unknown, transfer: Transferable[] = []): Promise<unknown> {
    const id = this.#next++
    const claim = mayShareMemory() ? new Int32Array(new SharedArrayBuffer(4)) : undefined
    await this.#post({ type: 'job', context: context.id, id, job, claim }, transfer)
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { context: context.id, job, claim, resolve, reject })
    })
  }

  /** Takes back the last queued job of a context and returns it; undefined if there is none that has not started. */
  takeBack(context: ThreadContext): unknown {
    const last = [...this.#pending].findLast(([, pending]) => pending.context === context.id)
    if (!last) return undefined
    const [id, { job, claim, resolve }] = last
    if (!claim || !isFirst(claim)) return undefined
    this.#pending.delete(id)
    resolve(TAKEN_BACK)
    return job
  }

  #receive(report: PoolResponse): void {
    if (report.type === 'locked') {
      this.#onLocked()
      return
    }
    if (report.type === 'opened' || report.type === 'not opened') {
      const opening = this.#opening.get(report.context)
      this.#opening.delete(report.context)
      if (report.type === 'opened') opening?.resolve()
      else opening?.reject(errorOf(report.error))
      return
    }
    const given = this.#pending.get(report.id)
    this.#pending.delete(report.id)
    if (report.type === 'done') given?.resolve(report.result)
    else given?.reject(errorOf(report.error))
  }

  /** Where workers have no event for their end, detects it by a lock that the thread holds. */
  #watch(thread: Thread): void {
    if (hasFileSystem()) return
    const name = crypto.randomUUID()
    this.#onLocked = () => watchWorkerLock(name, () => this.#fail(new Error('the thread has ended')))
    thread.post({ type: 'lock', name } satisfies PoolRequest)
  }

  #fail(error: unknown): void {
    if (this.failed) return
    this.#failure = error
    for (const { reject } of [...this.#pending.values(), ...this.#opening.values()]) reject(this.#failure)
    this.#pending.clear()
    this.#opening.clear()
    for (const tell of this.#onLost) tell()
  }
}

/** Idle threads, kept for reuse. They do not keep the process alive. */
const idle: PoolThread[] = []

/**
 * Takes an idle thread out of the pool, or starts one.
 *
 * @param level what it must be able to do
 * @param preferred threads that are taken first, if they are idle
 */
export function takeThread(level: ThreadLevel, preferred: readonly PoolThread[] = []): PoolThread {
  const able = idle.filter((thread) => !thread.failed && isUpTo(thread.level, level))
  const thread = preferred.find((one) => able.includes(one)) ?? able.at(-1) ?? new PoolThread()
  const at = idle.indexOf(thread)
  if (at >= 0) idle.splice(at, 1)
  thread.retain().catch(() => {})
  return thread
}

/** Puts a thread back into the pool. */
export function returnThread(thread: PoolThread): void {
  thread.release().catch(() => {})
  if (!thread.failed) idle.push(thread)
}

function errorOf({ code, message }: FailureFacts): SoftmarginError {
  return new SoftmarginError(code ?? 'INTERNAL', message)
}

function factsOf(error: unknown): FailureFacts {
  const code = error instanceof SoftmarginError ? error.code : undefined
  return { code, message: String((error as Error)?.message ?? error) }
}

/** Claims a job atomically; false if it was already claimed. */
function isFirst(claim: Int32Array): boolean {
  return Atomics.exchange(claim, 0, 1) === 0
}

/** One context in the thread. */
interface Served {
  work: Promise<OpenWork<unknown, unknown>>
  aborts: AbortController
}

/** The main loop of a pool thread: handles the requests of its owner. */
export async function serve(works: WorkByName): Promise<void> {
  const served = new Map<number, Served>()
  let last: Promise<unknown> = Promise.resolve()
  const post = await listenToOwner((message) => {
    const order = message as PoolRequest
    if (order.type === 'lock') {
      holdWorkerLock(order.name).then((held) => held && answer({ type: 'locked' }))
      return
    }
    if (order.type === 'open') {
      const { context, data } = order
      const open = async () => (await works[order.work]()).open(data)
      const work = last.then(open)
      served.set(context, { work, aborts: new AbortController() })
      last = work.then(
        () => answer({ type: 'opened', context }),
        (error) => answer({ type: 'not opened', context, error: factsOf(error) }),
      )
      return
    }
    const { work, aborts } = served.get(order.context)!
    if (order.type === 'abort') {
      aborts.abort()
      return
    }
    if (order.type === 'close') {
      served.delete(order.context)
      last = last.then(() => work).then(({ close }) => close?.())
      last = last.catch(() => {})
      return
    }
    const { id, job, claim } = order
    const run = async (): Promise<void> => {
      if (claim && !isFirst(claim)) return
      try {
        const { run: doJob, transferOf } = await work
        const result = await doJob(job, new TimeSlice(aborts.signal))
        answer({ type: 'done', id, result }, transferOf?.(result))
      } catch (error) {
        answer({ type: 'failed', id, error: factsOf(error) })
      }
    }
    // Jobs run sequentially because they share the thread's memory.
    last = last.then(run)
  })
  const answer = (report: PoolResponse, transfer: Transferable[] = []) => post(report, transfer)
}
