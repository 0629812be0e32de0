// Solves the problem of one pair of classes; runs on every thread of a fit.

import type { DualProblem } from '../../engine/dual/dual-problem.ts'
import { fillSvcProblem } from '../../engine/dual/svc-problem.ts'
import { fillDiagonalBlock } from '../../engine/kernel/blocks.ts'
import type { KernelMatrix } from '../../engine/kernel/kernel-matrix.ts'
import { type PackedLayout, PackedRows } from '../../engine/kernel/packed-rows.ts'
import type { Packer } from '../../engine/kernel/packer.ts'
import { pairsOf } from '../../engine/kernel/pairs.ts'
import { expectedError, type RoundingError, roundingError } from '../../engine/kernel/rounding-error.ts'
import { BlockRows } from '../../engine/rows/block-rows.ts'
import { OffDiagonalRows } from '../../engine/rows/off-diagonal-rows.ts'
import { RowCache } from '../../engine/rows/row-cache.ts'
import type { RowProvider } from '../../engine/rows/row-provider.ts'
import { type EarlierDuals, seedFromEarlier } from '../../engine/seeding/earlier-fit.ts'
import { type SearchOptions, Solver, type SolverResult } from '../../engine/solver/solver.ts'
import type { Engine } from '../../engine/wasm/engine.ts'
import type { JobType } from '../../engine/wasm/job.ts'
import type { TimeSlice } from '../../engine/wasm/time-slice.ts'
import { leaveEachOut } from './leave-each-out.ts'

/** Number of folds for fitting probabilities, as in LIBSVM. */
export const FOLDS = 5

/** Inputs common to all pairs of a fit. Plain data, so that it can be sent to other threads. */
export interface FitContext {
  /** Row numbers of each class. */
  groups: Int32Array[]
  /** Upper bound of the dual variable of each row. */
  bounds: Float64Array
  /** The fold of each row, if probabilities are fitted. */
  folds: Int32Array | undefined
  earlier: EarlierDuals | undefined
  /** Whether each row is to be judged by a solution without it. */
  leaveOneOut: boolean
  /** The factor by which kernel values are too large. */
  unit: number
  tolerance: number
  maxIterations: number
  /** Bytes of the row cache for a pair that is solved row by row. */
  cacheBytes: number
  /** Address of each class's diagonal block, for pairs solved on whole blocks. */
  diagonal: number[]
  /** The packed rows. Undefined for a precomputed kernel, whose values are not sent to other threads. */
  rows: PackedLayout | undefined
}

/**
 * Where the kernel rows of a pair come from: a row cache, the off-diagonal block row by row (next to whole diagonal
 * blocks), or whole blocks.
 */
export type RowsFrom = 'rows' | 'off-diagonal rows' | 'blocks'

/**
 * A job packs the rows of a class (on the thread that has them), computes a diagonal block, or solves a pair. A pair
 * is given up if it requests more than the share `mostRows` of its rows.
 */
export type FitJob =
  | { type: 'pack'; group: number }
  | { type: 'diagonal block'; group: number }
  | { type: 'pair'; pair: number; from: RowsFrom; mostRows: number }

/** The solution of a pair of classes. */
export interface PairSolution extends SolverResult {
  pair: number
  /** b of the rows of the first class and of the second. */
  first: Float64Array
  second: Float64Array
  gap: number
  /** Rounding error of K b, estimated on some rows, where it may matter. */
  rounding: RoundingError
  /** Share of the pair's kernel rows that were computed. */
  share: number
  /**
   * Decision value of each row of both classes from a model that was not fitted on it; empty without folds, unless each
   * row is left out.
   */
  unseen: Float64Array
  /** Number of rows that the pair was solved again without. */
  refits: number
}

/** The job type of a fit, for the thread pool. */
export const fitJobType: JobType<FitContext, FitJob, PairSolution | undefined> = {
  name: 'fit',
  open(engine, context) {
    const fitter = new PairSolver(engine, new PackedRows(engine, context.rows!), context)
    return (job, timeSlice) => fitter.run(job, timeSlice)
  },
}

/** Solves pairs one after the other, in the same memory. */
export class PairSolver {
  readonly #engine: Engine
  readonly #source: KernelMatrix
  readonly #context: FitContext
  readonly #pairs: [number, number][]
  readonly #solver: Solver
  readonly #packer: Packer | undefined
  readonly #onSlice: ((gap: number) => void) | undefined
  readonly #onLeftOut: ((rows: number) => void) | undefined
  readonly #mark: number
  /** The current row provider. There is only one at a time, in memory from `#mark` on. */
  #rows: { from: RowsFrom; rows: RowProvider } | undefined

  /**
   * @param o.packer packs the rows, on the thread that has them
   * @param o.onSlice called after each time slice with the gap of the current pair
   * @param o.onLeftOut called with the number of rows of the current pair that have been left out, one after the other
   */
  constructor(
    engine: Engine,
    source: KernelMatrix,
    context: FitContext,
    o: {
      packer?: Packer | undefined
      onSlice?: ((gap: number) => void) | undefined
      onLeftOut?: ((rows: number) => void) | undefined
    } = {},
  ) {
    this.#engine = engine
    this.#source = source
    this.#context = context
    this.#packer = o.packer
    this.#onSlice = o.onSlice
    this.#onLeftOut = o.onLeftOut
    this.#pairs = pairsOf(context.groups.length)
    this.#solver = new Solver(engine, source.runs, source.kind)
    this.#mark = engine.mark()
  }

  /** Runs a job. Returns the solution of a pair, or undefined for other jobs and for a pair that was given up. */
  async run(job: FitJob, timeSlice: TimeSlice): Promise<PairSolution | undefined> {
    if (job.type === 'pair') return this.#solve(job.pair, this.#rowsFrom(job.from), timeSlice, job.mostRows)
    if (job.type === 'pack') await this.#packer!.pack(job.group, timeSlice)
    else {
      const run = this.#source.runs[job.group]
      await fillDiagonalBlock(this.#engine, this.#source, run, this.#context.diagonal[job.group], timeSlice)
    }
    return undefined
  }

  #rowsFrom(from: RowsFrom): RowProvider {
    if (this.#rows?.from !== from) {
      this.#engine.release(this.#mark)
      this.#rows = { from, rows: this.#open(from) }
    }
    return this.#rows.rows
  }

  #open(from: RowsFrom): RowProvider {
    const { diagonal, cacheBytes } = this.#context
    if (from === 'rows') return new RowCache(this.#engine, this.#source, cacheBytes)
    if (from === 'off-diagonal rows') return new OffDiagonalRows(this.#engine, this.#source, diagonal)
    return new BlockRows(this.#engine, this.#source, diagonal)
  }

  async #solve(
    pair: number,
    rows: RowProvider,
    timeSlice: TimeSlice,
    mostRows: number,
  ): Promise<PairSolution | undefined> {
    const { groups, bounds, folds, earlier, leaveOneOut, unit, tolerance, maxIterations } = this.#context
    const [i, j] = this.#pairs[pair]
    const [ofFirst, ofSecond] = [i, j].map((c) => Float64Array.from(groups[c], (row) => bounds[row] / unit))
    const options: SearchOptions = {
      ...{ maxIterations, timeSlice, onSlice: this.#onSlice },
      start: earlier && 'scaled',
    }
    const problem = await this.#solver.attach(rows, i, j, tolerance, timeSlice)
    fillSvcProblem(problem, ofFirst, ofSecond)
    if (earlier) seedFromEarlier(problem, groups, [i, j], earlier, unit)
    const result = await this.#solver.run({ ...options, mostRows })
    if (!result) return undefined
    const { beta, gap, split } = problem
    const solution = {
      ...{ ...result, pair, gap, rounding: this.#roundingOf(problem, i, j) },
      first: beta.slice(0, ofFirst.length),
      second: beta.slice(split, split + ofSecond.length),
      unseen: new Float64Array(folds ? ofFirst.length + ofSecond.length : 0),
      refits: 0,
    }
    if (leaveOneOut) {
      const search = { ...options, start: undefined, onLeftOut: this.#onLeftOut }
      const left = await leaveEachOut(this.#solver, rows, [ofFirst, ofSecond], solution, search)
      return { ...solution, ...left, share: rows.share }
    }
    for (let fold = 0; folds && fold < FOLDS; fold++) {
      problem.clear()
      fillSvcProblem(problem, ofFirst, ofSecond)
      fixFoldAtZero(problem, 0, groups[i], folds, fold)
      fixFoldAtZero(problem, split, groups[j], folds, fold)
      // No limit on rows, because most of the rows that a fold requests are already in memory.
      const { rho } = (await this.#solver.run(options))!
      readOutOfFold(problem, 0, groups[i], folds, fold, rho, 1, solution.unseen)
      readOutOfFold(problem, split, groups[j], folds, fold, rho, -1, solution.unseen.subarray(ofFirst.length))
    }
    return { ...solution, share: rows.share }
  }

  #roundingOf(problem: DualProblem, i: number, j: number): RoundingError {
    const source = this.#source
    if (!(source instanceof PackedRows)) return { error: 0, offset: 0 }
    const { beta, gradient, diagonal, split } = problem
    const { precise, kernel } = source.layout
    const expected = expectedError(beta, diagonal, kernel)
    if (!precise && expected <= this.#context.tolerance) return { error: 0, offset: 0 }
    // K b = F - p, and p = -y.
    const products = gradient.map((value, k) => value + (k < split ? 1 : -1))
    return roundingError(this.#engine, source, [source.runs[i], source.runs[j]], beta, products)
  }
}

/** Fixes b of the rows in a fold at 0. */
function fixFoldAtZero(
  problem: DualProblem,
  at: number,
  group: Int32Array,
  folds: Int32Array,
  fold: number,
): void {
  const { lower, upper } = problem
  for (let k = 0; k < group.length; k++) {
    if (folds[group[k]] === fold) lower[at + k] = upper[at + k] = 0
  }
}

/** Reads the decision values of the rows in a fold: F = K b + p, so f = F - p - rho. */
function readOutOfFold(
  problem: DualProblem,
  at: number,
  group: Int32Array,
  folds: Int32Array,
  fold: number,
  rho: number,
  sign: 1 | -1,
  out: Float64Array,
): void {
  const { gradient } = problem
  for (let k = 0; k < group.length; k++) {
    if (folds[group[k]] === fold) out[k] = gradient[at + k] + sign - rho
  }
}
