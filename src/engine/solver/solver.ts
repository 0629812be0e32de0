import { DualProblem } from '../dual/dual-problem.ts'
import { beyondFloat32, type SvmKernel } from '../kernel/kernel.ts'
import type { KernelMatrix } from '../kernel/kernel-matrix.ts'
import type { Run } from '../kernel/runs.ts'
import { BlockRows } from '../rows/block-rows.ts'
import { RowCache } from '../rows/row-cache.ts'
import type { RowProvider } from '../rows/row-provider.ts'
import type { Engine } from '../wasm/engine.ts'
import { CONVERGED, LOST, NEEDS_ROW, NOT_FINITE, STALLED } from '../wasm/exports.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import { ObjectiveWatch } from './objective-watch.ts'

/**
 * Why the solver stopped. `'stalled'`: its steps were lost in rounding, which happens with contradicting rows and a huge
 * C, or with kernel values that float32 can hardly tell apart; the model is as good as these numbers allow.
 * `'imprecise'`: kernel values lie so close together, or coefficients are so large, that rounding to float32 changes
 * decision values by more than `tol` and 0.3 % of the margin.
 */
export type FitStatus = 'converged' | 'maxIter' | 'stalled' | 'imprecise'

/** How one problem ended. */
export interface SolverResult {
  status: FitStatus
  iterations: number
  /** b of the decision function sum(b K) - rho. */
  rho: number
}

export interface SolveOptions {
  /** Largest violation of the optimality conditions that ends the search. */
  tolerance: number
  /** Iterations a problem, -1 without a limit. */
  maxIterations: number
  timeSlice: TimeSlice
  /** Times that each problem is solved, each time as `prepare` sets it: its rows stay. Default 1. */
  rounds?: number
  /** Sets gradient, lower, upper (and beta, and `near`) of the problem of the runs `first` and `second`. */
  prepare(problem: DualProblem, first: Run, second: Run, pair: number, round: number): void
  /**
   * `prepare` sets the gradient to p alone, and K b is added from the rows. `'scaled'`: of all multiples of b that
   * the bounds allow the best is started from; its sum must be 0.
   */
  start?: 'given' | 'scaled' | undefined
  /**
   * Share of the rows that may be asked for, 1 if missing: beyond it whole blocks would be less work, and the
   * problem is given up.
   */
  mostRows?: number
  /** Takes the solution. */
  collect(
    problem: DualProblem,
    first: Run,
    second: Run,
    pair: number,
    outcome: SolverResult,
    round: number,
  ): void
  /** After every slice: problems done, and the gap of the one that is being solved. */
  onSlice?(done: number, gap: number): void
}

/** Runs of at most so many points get whole blocks at once: nothing is saved by asking for rows. */
const SMALL = 512
/** Points times iterations of one call of the solver: some 10 ms. */
const SLICE_WORK = 1e7
/** As LIBSVM's own last resort. */
const LAST_RESORT = 1e7
/** Free points that are minimised over at once: K among them is 4 MB at most. */
const CG_POINTS = 1024
/** Points from which on such a step comes first, from a start that is near: fewer are as soon done by SMO. */
const MANY = 256
/** Iterations before the first such step, otherwise: till then the path is much LIBSVM's, and rows on the edge fall as there. */
const FIRST_CG = 1000
/** Iterations between two such steps, for each point: identifying who is free takes SMO about so long. */
const CG_EVERY = 0.25

/**
 * Solves the one dual problem of two runs, or of a run with itself: few points on whole blocks, many row by row.
 *
 * @throws {SoftmarginError} `ABORTED`, `OUT_OF_MEMORY`, `INVALID_ARGUMENT` for kernel values beyond float32
 */
export async function solveDual(
  engine: Engine,
  rows: KernelMatrix,
  [first, second]: [number, number],
  options: SolveOptions & { /** Bytes for kernel rows. */ cacheBytes: number },
): Promise<void> {
  const { runs, kind } = rows
  const solver = new Solver(engine, runs, kind)
  // Beside the rows that are kept, a batch of them is being made.
  const room = engine.room - RowCache.leastBytes(engine, runs)
  const cacheBytes = Math.min(options.cacheBytes, room)
  const small = Math.max(...runs.map(({ size }) => size)) <= SMALL && BlockRows.bytes(runs) <= cacheBytes
  const source: RowProvider = small
    ? new BlockRows(engine, rows)
    : new RowCache(engine, rows, Math.min(cacheBytes, RowCache.mostBytes(runs)))
  await solver.solve(source, first, second, 0, options)
}

/** Bytes that `train` takes at least, with a batch of rows that is being made. */
export function solveDualBytes(engine: Engine, runs: Run[]): number {
  const sizes = runs.map((run) => run.size)
  return Solver.bytes(engine, sizes) + 2 * RowCache.leastBytes(engine, runs)
}

/** Solves problems one after the other in the same memory. */
export class Solver {
  readonly #runs: Run[]
  readonly #problem: DualProblem
  readonly #face: number

  constructor(engine: Engine, runs: Run[], kind: SvmKernel['kind']) {
    const sizes = runs.map((run) => run.size).sort((a, b) => b - a)
    this.#runs = runs
    // Where the kernel may not be positive definite the path decides the optimum: there it is LIBSVM's alone.
    const definite = kind !== 'sigmoid' && kind !== 'precomputed'
    // One run alone makes a pair with itself.
    this.#problem = new DualProblem(engine, sizes[0] + (sizes[1] ?? sizes[0]), definite)
    this.#face = definite ? engine.allocate(engine.exports.projectedCgBytes(CG_POINTS)) : 0
  }

  /** Bytes that the constructor takes, for runs of these sizes. */
  static bytes(engine: Engine, sizes: number[]): number {
    const [one, two] = [...sizes].sort((a, b) => b - a)
    return DualProblem.bytes(one + (two ?? one)) + engine.exports.projectedCgBytes(CG_POINTS)
  }

  /** Solves pair number `pair`, of the runs `first` and `second`; false if it was given up. */
  async solve(
    source: RowProvider,
    first: number,
    second: number,
    pair: number,
    options: SolveOptions,
  ): Promise<boolean> {
    const problem = this.#problem
    const [a, b] = [this.#runs[first], this.#runs[second]]
    problem.reset(a, b, source.diagonal, options.tolerance)
    await source.attach(problem, first, second, options.timeSlice)
    problem.keepsRows = source.keepsRows
    for (let round = 0; round < (options.rounds ?? 1); round++) {
      if (round > 0) problem.clear()
      options.prepare(problem, a, b, pair, round)
      const { spread } = problem
      if (options.start) {
        const p = problem.gradient.slice()
        await addKernelProducts(problem, source, options.timeSlice)
        if (options.start === 'scaled') scaleToOptimum(problem, p)
      }
      problem.start()
      // Where rounding may change K b by as much as the values lie apart that it is to meet, it decides alone.
      const mostError = Math.max(spread, problem.gap)
      const status = await run(problem, source, this.#face, options, pair, mostError)
      if (status === undefined) return false
      const { iterations } = problem
      options.collect(problem, a, b, pair, { status, iterations, rho: rhoOf(problem) }, round)
    }
    return true
  }
}

/** Adds K b to the gradient. */
async function addKernelProducts(
  problem: DualProblem,
  source: RowProvider,
  timeSlice: TimeSlice,
): Promise<void> {
  const points = [...problem.beta.keys()].filter((k) => problem.beta[k] !== 0)
  const { firstRow } = problem
  const present = points.filter((k) => firstRow[k] !== 0)
  const missing = points.filter((k) => firstRow[k] === 0)
  for (const k of present) {
    problem.addRow(k)
    if (timeSlice.expired) await timeSlice.yield()
  }
  for (let from = 0; from < missing.length; from += source.batch) {
    const batch = missing.slice(from, from + source.batch)
    await source.load(problem, batch, timeSlice)
    for (const k of batch) problem.addRow(k)
    if (timeSlice.expired) await timeSlice.yield()
  }
}

/** Makes b so many times as large, once or more, as lowers the objective most within the bounds. */
function scaleToOptimum(problem: DualProblem, p: Float64Array): void {
  const { beta, gradient, lower, upper } = problem
  let linear = 0
  let quadratic = 0
  let most = Number.POSITIVE_INFINITY
  for (let k = 0; k < beta.length; k++) {
    if (beta[k] === 0) continue
    linear -= beta[k] * p[k]
    quadratic += beta[k] * (gradient[k] - p[k])
    most = Math.min(most, (beta[k] > 0 ? upper[k] : lower[k]) / beta[k])
  }
  const factor = Math.min(quadratic > 0 ? linear / quadratic : 1, most)
  if (!(factor > 1)) return
  for (let k = 0; k < beta.length; k++) {
    beta[k] = Math.min(Math.max(beta[k] * factor, lower[k]), upper[k])
    gradient[k] = p[k] + factor * (gradient[k] - p[k])
  }
}

/**
 * Goes on until the problem is solved; undefined if it asked for too many rows.
 *
 * It always comes to an end: between two iterations `solve` asks for rows only so often (assembly/smo.ts says why), a
 * step over the free points is followed by an iteration before the next one, and the number of iterations has a limit,
 * whether the caller set one or not.
 *
 * @param mostError a step over all free points is not taken where rounding may then change K b by more than this
 */
async function run(
  problem: DualProblem,
  kernelRows: RowProvider,
  face: number,
  options: SolveOptions,
  pair: number,
  mostError: number,
): Promise<FitStatus | undefined> {
  const limit = options.maxIterations >= 0 ? options.maxIterations : Math.max(LAST_RESORT, 100 * problem.size)
  const slice = Math.max(16, Math.floor(SLICE_WORK / problem.size))
  const { timeSlice, mostRows = 1 } = options
  let told = timeSlice.yields
  const firstCg = problem.near && problem.size >= MANY ? 0 : Math.max(FIRST_CG, problem.size)
  let nextCg = face > 0 ? firstCg : Number.POSITIVE_INFINITY
  const watch = new ObjectiveWatch(problem)
  // The minimum over the free points lies where rounding decides. If so many steps of SMO have not changed that, more of
  // them lead there as well, only more slowly.
  let isLost = false
  for (;;) {
    const done = problem.iterations
    if (done >= limit) {
      problem.breakOff()
      return 'maxIter'
    }
    if (done >= watch.next && (watch.hasStalled() || isLost)) return 'stalled'
    if (done >= nextCg) {
      isLost = problem.projectedCgStep(face, CG_POINTS, mostError) === LOST
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
      options.onSlice?.(pair, problem.gap)
    }
  }
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` for kernel values beyond float32 */
function rhoOf({ threshold }: DualProblem): number {
  if (Number.isFinite(threshold)) return threshold
  throw beyondFloat32()
}
