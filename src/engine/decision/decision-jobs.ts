// Decision values of many rows on all threads.

import type { Matrix } from '../../core/matrix.ts'
import type { Engine } from '../wasm/engine.ts'
import type { JobQueue, JobType } from '../wasm/job.ts'
import type { Simd } from '../wasm/module.ts'
import { Regions } from '../wasm/regions.ts'
import { ThreadPool } from '../wasm/thread-pool.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import { deciderOf } from './decider-of.ts'
import { DecisionValues, type OnBlock } from './decision-values.ts'
import type { Expansion } from './expansion.ts'
import { Float32Decider } from './float32-decider.ts'
import type { DecisionLayout, RowDecider } from './row-decider.ts'

/** Consecutive rows: the number of the first, and their values. */
interface DecisionJob {
  first: number
  given: Float32Array
}

/**
 * Minimum multiply-adds of a job if there are enough rows: some milliseconds, compared with which messages are cheap.
 */
const JOB_WORK = 2e8
/** Maximum number of blocks of a job. */
const MAX_BLOCKS = 64
/** Maximum bytes of decision values that wait for those of earlier rows or for float64. */
const MAX_WAITING_BYTES = 2 ** 26

/** The job type of a prediction, for the thread pool: decision values of some rows, rows x pairs. */
export const decisionJobType: JobType<DecisionLayout, DecisionJob, Float64Array<ArrayBuffer>> = {
  name: 'decisions',
  open: (engine, layout) => runnerOf(deciderOf(engine, layout), layout),
}

function runnerOf(decider: RowDecider, { rows: { width }, intercept: { length: pairs } }: DecisionLayout) {
  return async ({ given }: DecisionJob, timeSlice: TimeSlice) => {
    const rows = given.length / width
    const out = new Float64Array(rows * pairs)
    for (let from = 0; from < rows; from += decider.blockRows) {
      const to = Math.min(from + decider.blockRows, rows)
      const block = out.subarray(from * pairs, to * pairs)
      await decider.decide(given.subarray(from * width, to * width), to - from, block, timeSlice)
    }
    return out
  }
}

/** Maximum number of bytes that a thread allocates. */
function threadBytes(engine: Engine, layout: DecisionLayout): number {
  return engine.measure(() => {
    const decider = deciderOf(engine, layout)
    if (decider instanceof Float32Decider) decider.allocateWide()
  })
}

/** Multiply-adds for the decision values of one row. */
function rowWork({ rows: { runs, width } }: DecisionLayout): number {
  return runs.reduce((sum, { size }) => sum + size, 0) * width
}

/** A predictor for many rows: its memory can be shared with threads. */
export class ThreadedPredictor {
  readonly #predictor: DecisionValues
  readonly #regions: Regions

  private constructor(predictor: DecisionValues) {
    const { engine, layout } = predictor
    this.#predictor = predictor
    this.#regions = new Regions(engine, threadBytes(engine, layout))
  }

  /** Lays out an expansion, as `Predictor.open` does. @throws {SoftmarginError} as there */
  static async open(simd: Simd, expansion: Expansion, timeSlice: TimeSlice): Promise<ThreadedPredictor> {
    return new ThreadedPredictor(await DecisionValues.open(simd, expansion, timeSlice, { shared: true }))
  }

  /** Closes its engines. It must not be used afterwards. */
  close(): void {
    this.#predictor.close()
  }

  /**
   * Like `Predictor.decide`, on several threads. Blocks come in order, with the same values for any number of threads.
   *
   * @throws {SoftmarginError} `ABORTED`, `OUT_OF_MEMORY`
   */
  async decide(X: Matrix, timeSlice: TimeSlice, onBlock: OnBlock, threads = 1): Promise<void> {
    const predictor = this.#predictor
    if (threads === 1) return predictor.decide(X, timeSlice, onBlock)
    const { engine, layout, decider, simd } = predictor
    const blocks = Math.ceil(JOB_WORK / (rowWork(layout) * decider.blockRows))
    const jobRows = Math.min(Math.max(1, blocks), MAX_BLOCKS) * decider.blockRows
    const batchRows =
      jobRows * Math.max(4 * threads, Math.floor(MAX_WAITING_BYTES / (jobRows * layout.intercept.length * 8)))
    const open = () => runnerOf(decider, layout)
    const pool = await ThreadPool.open(decisionJobType, engine, simd, threads, layout, this.#regions, open)
    try {
      for (let from = 0; from < X.rows; from += batchRows) {
        const to = Math.min(from + batchRows, X.rows)
        const jobs = new RowJobs(X, from, to, jobRows)
        await pool.run(jobs, timeSlice, (decisions, job) => jobs.end(job, decisions, onBlock))
        // Rows that need float64, and rows that were waiting for these.
        await jobs.finish(onBlock, (given, decisions) =>
          predictor.recomputeOverflowedRows(given, decisions, timeSlice),
        )
      }
    } finally {
      pool.close()
    }
  }
}

/** The rows from `from` to `to` as jobs, whose results are handed over in order. */
class RowJobs implements JobQueue<DecisionJob> {
  readonly #X: Matrix
  readonly #to: number
  readonly #jobRows: number
  /** Results that wait for earlier ones, by their first row. */
  readonly #waiting = new Map<number, Float64Array>()
  /** First row of the next job, and of the next result. */
  #begun: number
  #next: number

  constructor(X: Matrix, from: number, to: number, jobRows: number) {
    this.#X = X
    this.#to = to
    this.#jobRows = jobRows
    this.#begun = this.#next = from
  }

  #rowsFrom(first: number): Float32Array {
    const { data, cols } = this.#X
    return data.subarray(first * cols, Math.min(first + this.#jobRows, this.#to) * cols)
  }

  take(isOwner: boolean): DecisionJob | undefined {
    if (this.#begun >= this.#to) return undefined
    const first = this.#begun
    this.#begun += this.#jobRows
    const given = this.#rowsFrom(first)
    // A message clones the whole buffer of an array.
    return { first, given: isOwner ? given : given.slice() }
  }

  end({ first }: DecisionJob, decisions: Float64Array, onBlock: OnBlock): void {
    this.#waiting.set(first, decisions)
    for (;;) {
      const next = this.#waiting.get(this.#next)
      if (!next?.every(Number.isFinite)) return
      this.#handOver(next, onBlock)
    }
  }

  /** Hands over what is left when all jobs have ended. `makeFinite` replaces values that are beyond float32. */
  async finish(
    onBlock: OnBlock,
    makeFinite: (given: Float32Array, decisions: Float64Array) => Promise<void>,
  ): Promise<void> {
    while (this.#next < this.#to) {
      const decisions = this.#waiting.get(this.#next)!
      await makeFinite(this.#rowsFrom(this.#next), decisions)
      this.#handOver(decisions, onBlock)
    }
  }

  #handOver(decisions: Float64Array, onBlock: OnBlock): void {
    this.#waiting.delete(this.#next)
    this.#next = Math.min(this.#next + this.#jobRows, this.#to)
    onBlock(decisions, this.#next)
  }
}
