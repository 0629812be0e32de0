import { DualProblem } from '../dual/dual-problem.ts'
import { beyondFloat32, type SvmKernel } from '../kernel/kernel.ts'
import type { Run } from '../kernel/runs.ts'
import type { RowProvider } from '../rows/row-provider.ts'
import { addKernelProducts, scaleToOptimum } from '../seeding/earlier-fit.ts'
import { CONVERGED, LOST, NEEDS_ROW, NOT_FINITE, STALLED } from '../wasm/bindings.ts'
import type { Engine } from '../wasm/engine.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import { ObjectiveWatch } from './objective-watch.ts'

/**
 * Why the solver stopped.
 *
 * - `'converged'`: the optimality conditions hold within `tol`.
 * - `'maxIter'`: the iteration limit was reached.
 * - `'stalled'`: further steps were lost in rounding, which happens with contradictory rows and a huge C, or with
 *   kernel values that float32 hardly distinguishes. The model is as accurate as the arithmetic allows.
 * - `'imprecise'`: kernel values are so close together, or coefficients so large, that rounding to float32 changes
 *   decision values by more than `tol` and 0.3 % of the margin.
 */
export type FitStatus = 'converged' | 'maxIter' | 'stalled' | 'imprecise'

/** The outcome of one dual problem. */
export interface SolverResult {
  status: FitStatus
  iterations: number
  /** rho of the decision function sum(b K) - rho. */
  rho: number
}

/** How a problem that is attached and filled in is to be solved. */
export interface SearchOptions {
  /** Maximum iterations; -1 for LIBSVM's limit, max(1e7, 100 per point). */
  maxIterations: number
  timeSlice: TimeSlice
  /**
   * Whether the gradient holds p only, so that K b must be added before the search. `'given'` starts from b itself,
   * `'scaled'` from the best multiple of b (at least 1) within the bounds, which requires sum(b) = 0. Undefined: the
   * gradient is complete.
   */
  start?: 'given' | 'scaled' | undefined
  /**
   * Fraction of the kernel rows that may be computed on demand. Beyond it, whole blocks would be less work, and the
   * problem is abandoned. Default 1.
   */
  mostRows?: number
  /** Called after each yield with the largest violation of the optimality conditions. */
  onSlice?: ((gap: number) => void) | undefined
}

/** Points times iterations per call of the WebAssembly solver: about 10 ms. */
const SLICE_WORK = 1e7
/** Minimum of the default iteration limit, as in LIBSVM. */
const MIN_ITERATION_LIMIT = 1e7
/** Maximum number of free points for projected conjugate gradients: the matrix between them is at most 4 MB. */
const MAX_CG_POINTS = 1024
/** Minimum problem size to begin with projected conjugate gradients from a near start; below it SMO is as fast. */
const MIN_POINTS_FOR_CG = 256
/**
 * Minimum iterations before the first projected conjugate gradient step otherwise. Until then the search follows nearly
 * the same path as LIBSVM, so that borderline points are treated alike.
 */
const MIN_ITERATIONS_BEFORE_CG = 1000
/** Iterations between two such steps, per point: SMO needs about as many to identify the free points. */
const CG_EVERY = 0.25

/**
 * Solves dual problems one after the other in the same memory. Attach a pair of runs, fill in its problem, run the
 * search, and read the solution from the problem. A problem can be cleared, filled in and run again: kernel rows stay.
 */
export class Solver {
  readonly problem: DualProblem
  readonly #runs: Run[]
  readonly #cgScratch: number
  #rows: RowProvider | undefined

  constructor(engine: Engine, runs: Run[], kind: SvmKernel['kind']) {
    const sizes = runs.map((run) => run.size).sort((a, b) => b - a)
    this.#runs = runs
    // If the kernel may not be positive definite, the solution depends on the path, which then must be LIBSVM's.
    const definite = kind !== 'sigmoid' && kind !== 'precomputed'
    // A single run is paired with itself.
    this.problem = new DualProblem(engine, sizes[0] + (sizes[1] ?? sizes[0]), definite)
    this.#cgScratch = definite ? engine.allocate(engine.exports.projectedCgBytes(MAX_CG_POINTS)) : 0
  }

  /**
   * Makes `problem` that of two runs, given by index, or of a run paired with itself. Every point is fixed at 0.
   *
   * @param tolerance the search ends when the largest violation of the optimality conditions is at most this
   * @throws {SoftmarginError} `ABORTED`
   */
  async attach(
    rows: RowProvider,
    first: number,
    second: number,
    tolerance: number,
    timeSlice: TimeSlice,
  ): Promise<DualProblem> {
    const { problem } = this
    this.#rows = rows
    problem.reset(this.#runs[first], this.#runs[second], rows.diagonal, tolerance)
    await rows.attach(problem, first, second, timeSlice)
    problem.keepsRows = rows.keepsRows
    return problem
  }

  /**
   * Solves the attached problem from its gradient, beta, lower and upper. Returns undefined if it was abandoned because
   * of `mostRows`.
   *
   * @throws {SoftmarginError} `ABORTED`, `INVALID_ARGUMENT` for kernel values beyond float32
   */
  async run(options: SearchOptions): Promise<SolverResult | undefined> {
    const { problem } = this
    const rows = this.#rows!
    const { spread } = problem
    if (options.start) {
      const p = problem.gradient.slice()
      await addKernelProducts(problem, rows, options.timeSlice)
      if (options.start === 'scaled') scaleToOptimum(problem, p)
    }
    problem.start()
    // If rounding changes K b by as much as the values that it must match are apart, the step would be meaningless.
    const mostError = Math.max(spread, problem.gap)
    const status = await search(problem, rows, this.#cgScratch, options, mostError)
    if (status === undefined) return undefined
    return { status, iterations: problem.iterations, rho: rhoOf(problem) }
  }
}

/**
 * Runs the search until the problem is solved; undefined if it requested too many rows.
 *
 * It always terminates: between two iterations `solve` requests a bounded number of rows (see assembly/smo.ts), each
 * projected conjugate gradient step is followed by at least one iteration before the next, and the number of iterations
 * is limited whether or not the caller set a limit.
 *
 * @param mostError estimated rounding error of K b beyond which no projected conjugate gradient step is taken
 */
async function search(
  problem: DualProblem,
  kernelRows: RowProvider,
  cgScratch: number,
  options: SearchOptions,
  mostError: number,
): Promise<FitStatus | undefined> {
  const limit =
    options.maxIterations >= 0 ? options.maxIterations : Math.max(MIN_ITERATION_LIMIT, 100 * problem.size)
  const slice = Math.max(16, Math.floor(SLICE_WORK / problem.size))
  const { timeSlice, mostRows = 1 } = options
  let told = timeSlice.yields
  const firstCg =
    problem.near && problem.size >= MIN_POINTS_FOR_CG ? 0 : Math.max(MIN_ITERATIONS_BEFORE_CG, problem.size)
  let nextCg = cgScratch > 0 ? firstCg : Number.POSITIVE_INFINITY
  const watch = new ObjectiveWatch(problem)
  // Whether the last projected conjugate gradient step was rejected because of rounding. If that is still so when the
  // next check of the objective is due, SMO would only approach the same point, more slowly.
  let isLost = false
  for (;;) {
    const done = problem.iterations
    if (done >= limit) {
      problem.breakOff()
      return 'maxIter'
    }
    if (done >= watch.next && (watch.hasStalled() || isLost)) return 'stalled'
    if (done >= nextCg) {
      isLost = problem.projectedCgStep(cgScratch, MAX_CG_POINTS, mostError) === LOST
      nextCg = done + Math.ceil(problem.size * CG_EVERY)
    }
    const answer = problem.solve(Math.min(slice, limit - done, nextCg - done))
    if (answer === CONVERGED) return 'converged'
    if (answer === STALLED) return 'stalled'
    if (answer === NOT_FINITE) throw beyondFloat32()
    if (answer === NEEDS_ROW) {
      if (kernelRows.share > mostRows) return undefined
      await kernelRows.provide(problem, timeSlice)
    }
    if (timeSlice.expired) await timeSlice.yield()
    if (timeSlice.yields > told) {
      told = timeSlice.yields
      options.onSlice?.(problem.gap)
    }
  }
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` for kernel values beyond float32 */
function rhoOf({ threshold }: DualProblem): number {
  if (Number.isFinite(threshold)) return threshold
  throw beyondFloat32()
}
