import type { Engine } from './engine.ts'
import type { TimeSlice } from './time-slice.ts'

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
