import { throwIfAborted } from '../../core/errors.ts'
import { numberOfCores } from '../../host/platform/cores.ts'
import { mayShareMemory, possibleThreads } from '../../host/threads.ts'
import type { Engine } from './engine.ts'
import type { JobQueue, JobType } from './job.ts'
import type { Simd } from './module.ts'
import { PoolThread, QUEUE_LENGTH, STOLEN } from './pool-thread.ts'
import type { TimeSlice } from './time-slice.ts'

/** Threads that wait for work. They do not keep the process alive. */
const idle: PoolThread[] = []

/** A work that is open in this thread and in others that share its memory. */
export class ThreadPool<Job, Result> {
  readonly #threads: PoolThread[]
  readonly #local: (job: Job, timeSlice: TimeSlice) => Promise<Result>
  readonly #worked = new Set<PoolThread>()

  private constructor(members: PoolThread[], local: (job: Job, timeSlice: TimeSlice) => Promise<Result>) {
    this.#threads = members
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
    work: JobType<Context, Job, Result>,
    engine: Engine,
    simd: Simd,
    threads: number,
    context: Context,
    bytes: number,
    open = () => work.open(engine, context),
  ): Promise<ThreadPool<Job, Result>> {
    const members: PoolThread[] = []
    while (members.length < threads - 1) {
      const member = idle.pop() ?? new PoolThread()
      if (!member.failed) members.push(member)
    }
    for (const member of members) {
      const from = engine.allocate(bytes)
      const region = { memory: engine.memory, from, to: from + bytes }
      // A thread that cannot start is missed, not mourned: its jobs are done here.
      member.open(work.name, simd, region, context).catch(() => {})
    }
    return new ThreadPool(members, open())
  }

  /** Threads that have done a job, and this one. */
  get threads(): number {
    return 1 + this.#worked.size
  }

  /**
   * Does the jobs, each once.
   *
   * @param onResult called once a job, in any order
   * @throws whatever a job throws, and `ABORTED`; then no job is under way any more
   */
  async run(
    jobs: JobQueue<Job>,
    timeSlice: TimeSlice,
    onResult: (result: Result, job: Job) => void,
  ): Promise<void> {
    const lost: Job[] = []
    let underWay = 0
    let waiting: (() => void)[] = []
    const wake = () => {
      for (const resolve of waiting) resolve()
      waiting = []
    }
    let failure: { error: unknown } | undefined
    const fail = (error: unknown) => {
      failure ??= { error }
      for (const member of this.#threads) member.abort().catch(() => {})
    }
    // This thread may have no job of its own that would hear of it.
    const abort = () => {
      try {
        throwIfAborted(timeSlice.signal)
      } catch (error) {
        fail(error)
      }
    }
    const work = async (todo: (job: Job) => Promise<Result | typeof STOLEN>, member?: PoolThread) => {
      while (!failure) {
        const job = lost.pop() ?? jobs.take(!member) ?? (member ? undefined : this.#takeBack())
        if (job === undefined) {
          if (underWay === 0) return
          await new Promise<void>((resolve) => waiting.push(resolve))
          continue
        }
        underWay++
        try {
          const result = await todo(job)
          if (result !== STOLEN) onResult(result, job)
        } catch (error) {
          if (member?.failed) {
            lost.push(job)
            return
          }
          fail(error)
        } finally {
          underWay--
          wake()
        }
      }
    }
    const here = () =>
      work(async (job) => {
        // The others are heard only now, and may wait for a job; at first theirs are on their way.
        if (this.#threads.length > 0) await timeSlice.yield()
        return this.#local(job, timeSlice)
      })
    const there = (member: PoolThread) =>
      work(async (job) => {
        const result = (await member.run(job)) as Result | typeof STOLEN
        if (result !== STOLEN) this.#worked.add(member)
        return result
      }, member)
    timeSlice.signal?.addEventListener('abort', abort, { once: true })
    try {
      // This thread is the first to take one: there may be only one for now. Then each has one before any gets a second.
      const own = here()
      const rounds = Array.from({ length: QUEUE_LENGTH }, () => this.#threads.map(there))
      await Promise.all([own, ...rounds.flat()])
    } finally {
      timeSlice.signal?.removeEventListener('abort', abort)
    }
    if (failure) throw (failure as { error: unknown }).error
  }

  #takeBack(): Job | undefined {
    for (const member of this.#threads) {
      const job = member.steal() as Job | undefined
      if (job !== undefined) return job
    }
    return undefined
  }

  /** Lets the threads go. */
  close(): void {
    for (const member of this.#threads) {
      if (member.failed) continue
      member.release()
      idle.push(member)
    }
  }
}

/** What is wanted by who wants no number of their own. */
let defaultThreads: number | undefined

/** From now on, work for which no number of threads is wanted gets so many: `undefined` for one for each core. */
export function setDefaultThreads(threads: number | undefined): void {
  defaultThreads = threads === undefined ? undefined : possibleThreads(threads)
}

/**
 * How many threads a piece of work is worth: 1 where memory may not be shared, with a warning for who wanted more,
 * and where the work is short.
 */
export async function threadsFor(wanted: number | undefined, multiplyAdds: number): Promise<number> {
  const threads = wanted === undefined ? defaultThreads : possibleThreads(wanted)
  if (threads === 1 || multiplyAdds < WORTHWHILE || !mayShareMemory()) return 1
  return threads ?? numberOfCores()
}

/** Multiply-adds that take some tenths of a second: less is done before a thread has started. */
const WORTHWHILE = 2e9
