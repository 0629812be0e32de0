import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { builds } from '../support/builds.ts'
import { drawProblem } from './solver-problems.js'

/** Maximum milliseconds of a fit of some hundred rows, even on a busy machine. */
export const MOST_FIT_TIME = 60_000

/** The result of fuzzing the solver. */
export interface SolverReport {
  /** Number of problems fitted. */
  runs: number
  /** Number of fits by outcome: a status or an error code. */
  counts: Record<string, number>
  /** Milliseconds of the slowest fit, and its run. */
  slowest: number
  slowestRun: number
}

/** A fit that did not end, threw an unexpected error or returned an invalid result. */
export class SolverFailure extends Error {
  override readonly name = 'SolverFailure'
}

/** Milliseconds between two checks of the thread. */
const LOOK_EVERY = 200
/** Number of runs that are sent to a thread at once. */
const PART = 10_000

/**
 * Fits small random problems with all estimators and kernels in another thread, so that a fit that hangs is detected
 * even if it never yields.
 *
 * @param o.until milliseconds since the epoch at which to stop, even if runs are left
 * @throws {SolverFailure} with the problem
 */
export async function fuzzSolver(o: {
  runs: number
  seed: number
  from?: number
  until?: number
}): Promise<SolverReport> {
  const { runs, seed, from = 0, until = Number.POSITIVE_INFINITY } = o
  const report: SolverReport = { runs: 0, counts: {}, slowest: 0, slowestRun: -1 }
  while (report.runs < runs && Date.now() < until) {
    const start = from + report.runs
    const count = Math.min(PART, runs - report.runs)
    const part = await fitInThread(seed, start, start + count)
    report.runs += count
    for (const [way, times] of Object.entries(part.counts)) {
      report.counts[way] = (report.counts[way] ?? 0) + times
    }
    if (part.slowest > report.slowest)
      Object.assign(report, { slowest: part.slowest, slowestRun: part.slowestRun })
  }
  return report
}

async function fitInThread(
  seed: number,
  from: number,
  to: number,
): Promise<Pick<SolverReport, 'counts' | 'slowest' | 'slowestRun'>> {
  const at = new Int32Array(new SharedArrayBuffer(4)).fill(-1)
  const path = join(process.cwd(), 'test/fuzz/solver-worker.js')
  const worker = new Worker(path, { workerData: { seed, from, to, at, builds } })
  let watch: ReturnType<typeof setInterval> | undefined
  const fail = (run: number, why: string) => {
    const problem = run < from ? 'before the first' : JSON.stringify(drawProblem(seed, run))
    return new SolverFailure(`solver, seed ${seed}, run ${run}: ${why}\n${problem}`)
  }
  try {
    return await new Promise((resolve, reject) => {
      let seen = -1
      let looks = 0
      // Checks are counted, not milliseconds, so that suspending the whole process does not look like a fit that hangs.
      watch = setInterval(() => {
        const run = Atomics.load(at, 0)
        if (run !== seen) [seen, looks] = [run, 0]
        else if (++looks > MOST_FIT_TIME / LOOK_EVERY) reject(fail(run, `no end after ${MOST_FIT_TIME} ms`))
      }, LOOK_EVERY)
      worker.on('message', ({ failure, run, ...part }) => {
        if (failure === undefined) resolve(part)
        else reject(fail(run, failure))
      })
      worker.on('error', (error) => reject(fail(Atomics.load(at, 0), String(error.stack ?? error))))
      worker.on('exit', () => reject(fail(Atomics.load(at, 0), 'the thread ended')))
    })
  } finally {
    clearInterval(watch)
    await worker.terminate()
  }
}
