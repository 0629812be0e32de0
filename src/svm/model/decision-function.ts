import type { LongCall } from '../../core/call-options.ts'
import { abortedBy, shapeMismatch } from '../../core/errors.ts'
import { checkFiniteRows, checkNotEmpty, Matrix, type MatrixLike } from '../../core/matrix.ts'
import type { ThreadedPredictor } from '../../engine/decision/decision-jobs.ts'
import type { decisionThreads } from '../../engine/decision/decision-threads.ts'
import { DecisionValues, type OnBlock } from '../../engine/decision/decision-values.ts'
import { beyondFloat32 } from '../../engine/kernel/kernel.ts'
import type { Simd } from '../../engine/wasm/module.ts'
import { TimeSlice } from '../../engine/wasm/time-slice.ts'
import type { FittedModel } from './fitted-model.ts'
import type { InputStep } from './input-step.ts'

/**
 * Rejects decision values beyond float32, as `fit` does.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`
 */
function checkDecisions(decisions: Float64Array): void {
  for (const value of decisions) if (!Number.isFinite(Math.fround(value))) throw beyondFloat32()
}

/** How decision values are computed. */
export interface DecisionOptions {
  simd: Simd
  /** Number of threads for many rows. Default: one per core. */
  threads?: number | undefined
  /** Default: one thread. Passed in, so that bundles for edge functions, which have no threads, need not contain it. */
  onThreads?: typeof decisionThreads | undefined
}

/**
 * Computes the decision values of a fitted model. Concurrent calls run one after the other, because they use the same
 * WebAssembly memory.
 */
export class DecisionFunction {
  readonly #model: FittedModel & { inputSteps?: InputStep[] | undefined }
  readonly #o: DecisionOptions
  #predictor: Pick<ThreadedPredictor, 'decide' | 'close'> | undefined
  /** Whether the predictor's memory can be shared with threads. */
  #isShared = false
  #last: Promise<unknown> = Promise.resolve()
  /** Number of calls waiting or running, and when the event loop last ran while there were any. */
  #calls = 0
  #rested = 0

  constructor(model: FittedModel & { inputSteps?: InputStep[] | undefined }, o: DecisionOptions) {
    this.#model = model
    this.#o = o
  }

  /** Number of columns that a row must have. */
  get columns(): number {
    const { kernel, supportVectors } = this.#model
    return kernel.kind === 'precomputed' ? kernel.columns : supportVectors.cols
  }

  /**
   * Returns the decision values, rows x pairs.
   *
   * @throws {SoftmarginError} `SHAPE_MISMATCH`, `EMPTY_INPUT`, `NOT_FINITE`, `ABORTED`; `INVALID_ARGUMENT` for rows
   *   whose decision values are beyond float32
   */
  async decide(X: MatrixLike, o: LongCall): Promise<Float64Array> {
    const blocks: Float64Array[] = []
    await this.decideInBlocks(X, o, (decisions) => blocks.push(decisions.slice()))
    const all = new Float64Array(blocks.reduce((length, block) => length + block.length, 0))
    let at = 0
    for (const block of blocks) {
      all.set(block, at)
      at += block.length
    }
    return all
  }

  /**
   * Like `decide`, in blocks of rows.
   *
   * @param take receives the decision values of the next rows, in an array that is reused
   */
  async decideInBlocks(X: MatrixLike, o: LongCall, take: (decisions: Float64Array) => void): Promise<void> {
    const matrix = Matrix.from(X)
    if (matrix.cols !== this.columns) {
      const why =
        this.#model.kernel.kind === 'precomputed'
          ? 'one for each training row'
          : 'like the rows passed to fit()'
      throw shapeMismatch('X', matrix.cols, `${this.columns} columns, ${why}`)
    }
    checkNotEmpty(matrix)
    if (this.#calls++ === 0) this.#rested = performance.now()
    const turn = this.#last.then(async () => {
      try {
        await this.#decideInTurn(matrix, o, take)
      } finally {
        this.#calls--
      }
    })
    this.#last = turn.catch(() => {})
    return abortedBy(o.signal, turn)
  }

  /** Releases the memory as soon as the running calls have ended. */
  dispose(): void {
    this.#last = this.#last.then(() => {
      this.#predictor?.close()
      this.#predictor = undefined
    })
  }

  async #decideInTurn(matrix: Matrix, o: LongCall, take: (decisions: Float64Array) => void): Promise<void> {
    // A series of short calls can block the event loop as long as one long call, so they share its time slices.
    const timeSlice = new TimeSlice(o.signal, this.#rested)
    try {
      if (timeSlice.expired) await timeSlice.yield()
      await timeSlice.forEachChunk(matrix.rows, matrix.cols, (from, to) => checkFiniteRows(matrix, from, to))
      const rows = await this.#afterInputSteps(matrix)
      const threads = await this.#threadsFor(rows.rows)
      const predictor = await this.#open(threads > 1, timeSlice)
      const onBlock: OnBlock = (decisions, done) => {
        checkDecisions(decisions)
        take(decisions)
        o.onProgress?.({ done, total: matrix.rows })
      }
      await predictor.decide(rows, timeSlice, onBlock, threads)
    } finally {
      this.#rested = timeSlice.rested
    }
  }

  async #afterInputSteps(matrix: Matrix): Promise<Matrix> {
    const { inputSteps = [] } = this.#model
    if (inputSteps.length === 0) return matrix
    // Only models from the files of other programs have such steps.
    const { applyInputSteps } = await import('./input-steps.ts')
    return applyInputSteps(matrix, inputSteps)
  }

  async #threadsFor(rows: number): Promise<number> {
    const { kernel, ...model } = this.#model
    if (kernel.kind === 'precomputed') return 1
    return this.#o.onThreads?.countFor(this.#o.threads, { ...model, kernel }, rows) ?? 1
  }

  /** @param shared whether its memory must be shared with threads; once it is, it serves small calls too */
  async #open(shared: boolean, timeSlice: TimeSlice): Promise<Pick<ThreadedPredictor, 'decide' | 'close'>> {
    const { kernel, ...model } = this.#model
    const { simd, onThreads } = this.#o
    if (this.#predictor && (this.#isShared || !shared)) return this.#predictor
    this.#predictor?.close()
    this.#predictor = undefined
    if (kernel.kind === 'precomputed') {
      const { PrecomputedPredictor } = await import('../../engine/decision/rare-decisions.ts')
      this.#predictor = new PrecomputedPredictor(model, model.support)
    } else {
      const expansion = { ...model, kernel }
      const predictor = shared && onThreads ? await onThreads.load() : DecisionValues
      this.#predictor = await predictor.open(simd, expansion, timeSlice)
    }
    this.#isShared = shared
    return this.#predictor
  }
}
