import type { Engine } from './engine.ts'
import type { TimeSlice } from './time-slice.ts'

/**
 * A kind of work that threads share. `open` prepares it in a thread, from plain data and an engine on the shared
 * memory; what it answers does one job after the other. The numbers that a job gives must not depend on who does
 * it, nor on what was done before.
 */
export interface JobType<Context, Job, Result> {
  name: string
  open(engine: Engine, context: Context): (job: Job, timeSlice: TimeSlice) => Promise<Result>
}

/** Jobs, in the order in which they are to begin. */
export interface JobQueue<Job> {
  /**
   * The next job; undefined while there is none: then it is asked again when a job that was under way has ended.
   *
   * @param isOwner whether it is for the thread that shares the work out: some may be for it alone
   */
  take(isOwner: boolean): Job | undefined
}

/** Jobs of which none waits for another. */
export function inOrder<Job>(jobs: readonly Job[]): JobQueue<Job> {
  let next = 0
  return { take: () => jobs[next++] }
}
