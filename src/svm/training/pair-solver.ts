import type { DualProblem } from '../../engine/dual/dual-problem.ts'
import { fillDiagonalBlock } from '../../engine/kernel/blocks.ts'
import type { KernelMatrix } from '../../engine/kernel/kernel-matrix.ts'
import { type PackedLayout, PackedRows } from '../../engine/kernel/packed-rows.ts'
import type { Packer } from '../../engine/kernel/packer.ts'
import { pairsOf } from '../../engine/kernel/pair-weights.ts'
import { expectedError, type RoundingError, roundingError } from '../../engine/kernel/rounding-error.ts'
import type { Run } from '../../engine/kernel/runs.ts'
import { BlockRows } from '../../engine/rows/block-rows.ts'
import { OffDiagonalRows } from '../../engine/rows/off-diagonal-rows.ts'
import { RowCache } from '../../engine/rows/row-cache.ts'
import type { RowProvider } from '../../engine/rows/row-provider.ts'
import { Solver, type SolverResult } from '../../engine/solver/solver.ts'
import type { Engine } from '../../engine/wasm/engine.ts'
import type { JobType } from '../../engine/wasm/job.ts'
import type { TimeSlice } from '../../engine/wasm/time-slice.ts'
import { type SeedDuals, seedPair } from './alpha-seeding.ts'

/** Folds that probabilities are learnt from, as in LIBSVM. */
export const FOLDS = 5

/** What all pairs of a fit have in common. Plain data. */
export interface FitContext {
  /** Row numbers, class by class. */
  groups: Int32Array[]
  /** Upper bounds of the dual variables by row. */
  bounds: Float64Array
  /** The fold of each row, where probabilities are learnt. */
  folds: Int32Array | undefined
  earlier: SeedDuals | undefined
  /** Kernel values are so many times as large as they should be. */
  unit: number
  tolerance: number
  maxIterations: number
  /** Bytes for the rows of a pair that is solved row by row. */
  cacheBytes: number
  /** Where the block of each class with itself is to be, for pairs that are solved on whole blocks. */
  own: number[]
  /** The rows, if they are packed: kernel values that were given do not leave their thread. */
  rows: PackedLayout | undefined
}

/** Where the kernel rows of a pair come from: row by row, the block of its classes row by row, or whole blocks. */
export type RowsFrom = 'rows' | 'cross rows' | 'blocks'

/**
 * The rows of a class are packed (by the thread that has them), or the block of a class with itself is made, or a pair is
 * solved: given up if it asks for more than the share `mostRows` of its rows.
 */
export type FitJob = { pack: number } | { own: number } | { pair: number; from: RowsFrom; mostRows: number }

/** The solution of a pair. */
export interface PairSolution extends SolverResult {
  pair: number
  /** b of the first class's rows and of the second's. */
  first: Float64Array
  second: Float64Array
  gap: number
  /** What rounding did to K b: of some rows, where it may have mattered. */
  rounding: RoundingError
  /** The share of its rows that was made. */
  share: number
  /** Decision values of the rows of both classes, each by a machine that has not seen it; empty without folds. */
  unseen: Float64Array
}

/** The work of a fit that threads share. */
export const fitJobType: JobType<FitContext, FitJob, PairSolution | undefined> = {
  name: 'fit',
  open(engine, context) {
    const fitter = new PairSolver(engine, new PackedRows(engine, context.rows!), context)
    return (job, timeSlice) => fitter.run(job, timeSlice)
  },
}

/** Solves pair after pair in the same memory. */
export class PairSolver {
  readonly #engine: Engine
  readonly #source: KernelMatrix
  readonly #context: FitContext
  readonly #pairs: [number, number][]
  readonly #solver: Solver
  readonly #packer: Packer | undefined
  readonly #onSlice: ((gap: number) => void) | undefined
  readonly #mark: number
  /** One at a time, in memory from `#mark` on. */
  #rows: { from: RowsFrom; rows: RowProvider } | undefined

  /**
   * @param o.packer packs the rows, if this thread has them
   * @param o.onSlice hears from time to time of the gap of the pair at hand
   */
  constructor(
    engine: Engine,
    source: KernelMatrix,
    context: FitContext,
    o: { packer?: Packer | undefined; onSlice?: ((gap: number) => void) | undefined } = {},
  ) {
    this.#engine = engine
    this.#source = source
    this.#context = context
    this.#packer = o.packer
    this.#onSlice = o.onSlice
    this.#pairs = pairsOf(context.groups.length)
    this.#solver = new Solver(engine, source.runs, source.kind)
    this.#mark = engine.mark()
  }

  /** Answers the solution of a pair, unless it was given up. */
  async run(job: FitJob, timeSlice: TimeSlice): Promise<PairSolution | undefined> {
    if ('pair' in job) return this.#solve(job.pair, this.#rowsFrom(job.from), timeSlice, job.mostRows)
    if ('pack' in job) await this.#packer!.pack(job.pack, timeSlice)
    else {
      const run = this.#source.runs[job.own]
      await fillDiagonalBlock(this.#engine, this.#source, run, this.#context.own[job.own], timeSlice)
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
    const { own, cacheBytes } = this.#context
    if (from === 'rows') return new RowCache(this.#engine, this.#source, cacheBytes)
    if (from === 'cross rows') return new OffDiagonalRows(this.#engine, this.#source, own)
    return new BlockRows(this.#engine, this.#source, own)
  }

  async #solve(
    pair: number,
    rows: RowProvider,
    timeSlice: TimeSlice,
    mostRows: number,
  ): Promise<PairSolution | undefined> {
    const { groups, bounds, folds, earlier, unit, tolerance, maxIterations } = this.#context
    const [i, j] = this.#pairs[pair]
    const ones = groups[i].length
    const unseen = new Float64Array(folds ? ones + groups[j].length : 0)
    let solution: Omit<PairSolution, 'unseen' | 'share'> | undefined
    const roundingOf = (problem: DualProblem) => this.#roundingOf(problem, i, j)
    await this.#solver.solve(rows, i, j, pair, {
      tolerance,
      maxIterations,
      timeSlice,
      mostRows,
      rounds: folds ? 1 + FOLDS : 1,
      start: earlier ? 'scaled' : undefined,
      prepare(problem, first, second, _pair, round) {
        fillClass(problem, 0, first, groups[i], bounds, 1, unit)
        fillClass(problem, first.size, second, groups[j], bounds, -1, unit)
        if (folds && round > 0) {
          fixFoldAtZero(problem, 0, groups[i], folds, round - 1)
          fixFoldAtZero(problem, first.size, groups[j], folds, round - 1)
        } else if (earlier) seedPair(problem, first, groups, [i, j], earlier, unit)
      },
      collect(problem, { size }, _second, _pair, outcome, round) {
        if (round === 0) {
          const { beta, gap } = problem
          solution = {
            ...outcome,
            pair,
            gap,
            rounding: roundingOf(problem),
            first: beta.slice(0, ones),
            second: beta.slice(size, size + groups[j].length),
          }
        } else if (folds) {
          const fold = round - 1
          readOutOfFold(problem, 0, groups[i], folds, fold, outcome.rho, 1, unseen)
          readOutOfFold(problem, size, groups[j], folds, fold, outcome.rho, -1, unseen.subarray(ones))
        }
      },
      onSlice: (_pair, gap) => this.#onSlice?.(gap),
    })
    return solution && { ...solution, share: rows.share, unseen }
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

/** A C-SVC's side of the problem: p = -y, and b = y alpha between 0 and y C. */
function fillClass(
  problem: DualProblem,
  at: number,
  run: Run,
  group: Int32Array,
  bounds: Float64Array,
  sign: 1 | -1,
  unit: number,
): void {
  const { gradient, lower, upper } = problem
  for (let k = 0; k < run.count; k++) {
    gradient[at + k] = -sign
    if (sign === 1) upper[at + k] = bounds[group[k]] / unit
    else lower[at + k] = -bounds[group[k]] / unit
  }
}

/** Rows of a fold may not move. */
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

/** Decision values of the rows of a fold: F = K b + p, so f = F - p - rho. */
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
