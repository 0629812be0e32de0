// How many threads work is shared out over.

import { numberOfCores } from '../../host/platform/cores.ts'
import { mayShareMemory, possibleThreads } from '../../host/threads.ts'

/** Default number of threads; undefined for one per core. */
let defaultThreads: number | undefined

/** Sets the default number of threads; `undefined` for one per core. Applies to work that starts afterwards. */
export function setDefaultThreads(threads: number | undefined): void {
  defaultThreads = threads
  // Warns where fits will have one thread all the same.
  if (threads !== undefined) possibleThreads(threads)
}

/** The number that `setDefaultThreads` has set, or else one per core. */
export async function threadsByDefault(): Promise<number> {
  return defaultThreads ?? numberOfCores()
}

/**
 * The number of threads to use: `wanted`, or else the default. 1 if the work is too short to benefit, or if the host
 * does not allow shared memory (with a warning, once, if more than 1 was requested).
 *
 * @param multiplyAdds estimated amount of work
 */
export async function threadsFor(wanted: number | undefined, multiplyAdds: number): Promise<number> {
  const threads = wanted === undefined ? defaultThreads : possibleThreads(wanted)
  if (threads === 1 || multiplyAdds < MIN_WORK_FOR_THREADS || !mayShareMemory()) return 1
  return threads ?? threadsByDefault()
}

/** Multiply-adds that take a few tenths of a second: less work is finished before another thread has started. */
const MIN_WORK_FOR_THREADS = 2e9
