import { Engine, type Region } from './engine.ts'
import type { Simd } from './module.ts'
import type { TimeSlice } from './time-slice.ts'

/** A thread that has been prepared for the jobs of one context. */
export interface OpenWork<Job, Result> {
  run(job: Job, timeSlice: TimeSlice): Promise<Result>
  /** The buffers of a result that are moved to the owner instead of being copied. Default: none. */
  transferOf?(result: Result): Transferable[]
  /** Frees what the context holds. */
  close?(): void
}

/** A kind of work that the threads of the pool can do. Contexts, jobs and results are structured-cloneable. */
export interface ThreadWork<Context, Job, Result> {
  open(context: Context): Promise<OpenWork<Job, Result>>
}

// biome-ignore lint/suspicious/noExplicitAny: contexts, jobs and results differ between kinds of work
type AnyWork = ThreadWork<any, any, any>

/** All work that a thread can do, by name; the code of each is loaded on first use. */
export type WorkByName = Record<string, () => Promise<AnyWork>>

/** Memory of the engine for a thread, and the context of its `JobType`. */
export interface EngineContext<Context> {
  simd: Simd
  region: Region
  context: Context
}

/** Runs a `JobType` in a thread, with an engine on the memory that its owner shares. */
export function inEngine<Context, Job, Result>(
  type: JobType<Context, Job, Result>,
): ThreadWork<EngineContext<Context>, Job, Result> {
  return {
    async open({ simd, region, context }) {
      return { run: type.open(await Engine.join(simd, region), context) }
    },
  }
}

/**
 * A type of job that a thread pool can run. `open` prepares a thread for it, from structured-cloneable data and an
 * engine on the shared memory, and returns the function that runs one job at a time. The result of a job must not
 * depend on the thread that runs it or on previous jobs, so that results are reproducible.
 */
export interface JobType<Context, Job, Result> {
  name: string
  open(engine: Engine, context: Context): (job: Job, timeSlice: TimeSlice) => Promise<Result>
}

/** Jobs in the order in which they should start. */
export interface JobQueue<Job> {
  /**
   * Removes and returns the next job, or undefined if there is none at present; it is called again after a running job
   * has ended.
   *
   * @param isOwner whether the job is for the thread that owns the pool; some jobs may be reserved for it
   */
  take(isOwner: boolean): Job | undefined
}

/** A queue of independent jobs, in the order of the array. */
export function inOrder<Job>(jobs: readonly Job[]): JobQueue<Job> {
  let next = 0
  return { take: () => jobs[next++] }
}
