import { throwIfAborted } from '../../core/errors.ts'
import type { Engine, Region } from './engine.ts'
import type { EngineContext, JobQueue, JobType } from './job.ts'
import type { Simd } from './module.ts'
import { QUEUE_LENGTH, returnThread, TAKEN_BACK, type ThreadContext, takeThread } from './pool-thread.ts'
import type { Regions } from './regions.ts'
import type { TimeSlice } from './time-slice.ts'

/** Runs jobs of one type on this thread and on others that share its memory. */
export class ThreadPool<Job, Result> {
  readonly #threads: ThreadContext[]
  readonly #local: (job: Job, timeSlice: TimeSlice) => Promise<Result>
  readonly #worked = new Set<ThreadContext>()
  /** Releases the regions of the threads. */
  readonly #release: () => void

  /**
   * A pool of threads that are prepared for its jobs.
   *
   * @param members the other threads; `close` returns them
   * @param local runs a job on this thread
   * @param release called by `close`
   */
  constructor(
    members: ThreadContext[],
    local: (job: Job, timeSlice: TimeSlice) => Promise<Result>,
    release: () => void = () => {},
  ) {
    this.#threads = members
    this.#local = local
    this.#release = release
  }

  /**
   * Creates a pool of `threads` threads, including this one, and prepares them for a type of job.
   *
   * @param engine an engine on a shared memory
   * @param context structured-cloneable data, passed to `work.open` in each thread
   * @param regions the memory of the other threads
   * @param open prepares this thread, after the memory of the others is allocated. Default: `work.open`
   * @throws {SoftmarginError} `OUT_OF_MEMORY`
   */
  static async open<Context, Job, Result>(
    work: JobType<Context, Job, Result>,
    engine: Engine,
    simd: Simd,
    threads: number,
    context: Context,
    regions: Regions,
    open = () => work.open(engine, context),
  ): Promise<ThreadPool<Job, Result>> {
    const members: ThreadContext[] = []
    const opened: [Region, Promise<void>][] = []
    // A thread that starts late may still write to its region after the pool has been closed.
    const release = () => {
      for (const [region, end] of opened) end.then(() => regions.release(region))
    }
    try {
      while (members.length < threads - 1) {
        const region = regions.take()
        const data: EngineContext<Context> = { simd, region, context }
        const thread = takeThread('svm').open(work.name, data)
        // If a thread fails to start, its jobs run on the other threads.
        opened.push([region, thread.opened.catch(() => {})])
        members.push(thread.context)
      }
      return new ThreadPool(members, open(), release)
    } catch (error) {
      giveBack(members)
      release()
      throw error
    }
  }

  /** Number of threads that have run at least one job, plus this one. */
  get threads(): number {
    return 1 + this.#worked.size
  }

  /**
   * Runs every job once.
   *
   * @param onResult called once per job, in any order
   * @throws the error of the first job that fails, or `ABORTED`; by then no job is running any more
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
      for (const member of this.#threads) member.thread.abort(member).catch(() => {})
    }
    // This thread may not be running a job that would notice the abort.
    const abort = () => {
      try {
        throwIfAborted(timeSlice.signal)
      } catch (error) {
        fail(error)
      }
    }
    const work = async (todo: (job: Job) => Promise<Result | typeof TAKEN_BACK>, member?: ThreadContext) => {
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
          if (result !== TAKEN_BACK) onResult(result, job)
        } catch (error) {
          if (member?.thread.failed) {
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
        // Yield so that messages from the other threads are handled: they may be waiting for a job. Before the first
        // job, this lets the requests to them be sent.
        if (this.#threads.length > 0) await timeSlice.yield()
        return this.#local(job, timeSlice)
      })
    const there = (member: ThreadContext) =>
      work(async (job) => {
        const result = (await member.thread.run(member, job)) as Result | typeof TAKEN_BACK
        if (result !== TAKEN_BACK) this.#worked.add(member)
        return result
      }, member)
    timeSlice.signal?.addEventListener('abort', abort, { once: true })
    try {
      // This thread takes a job first, because there may be only one at present. Then each thread gets one job before
      // any gets a second.
      const local = here()
      const rounds = Array.from({ length: QUEUE_LENGTH }, () => this.#threads.map(there))
      await Promise.all([local, ...rounds.flat()])
    } finally {
      timeSlice.signal?.removeEventListener('abort', abort)
    }
    if (failure) throw (failure as { error: unknown }).error
  }

  #takeBack(): Job | undefined {
    for (const member of this.#threads) {
      const job = member.thread.takeBack(member) as Job | undefined
      if (job !== undefined) return job
    }
    return undefined
  }

  /** Returns the threads to the pool, and their regions. */
  close(): void {
    this.#release()
    giveBack(this.#threads)
  }
}

function giveBack(members: readonly ThreadContext[]): void {
  for (const member of members) {
    member.thread.close(member).catch(() => {})
    returnThread(member.thread)
  }
}
