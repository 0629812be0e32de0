// Fits an SVC: solves all pairs of classes on a thread pool and assembles the model.

import type { Progress } from '../../core/call-options.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { Sigmoids } from '../../engine/decision/platt.ts'
import { fitSigmoid } from '../../engine/decision/platt.ts'
import type { ColumnStats } from '../../engine/kernel/column-stats.ts'
import { gramBytes } from '../../engine/kernel/gram.ts'
import type { KeptGram } from '../../engine/kernel/kept-gram.ts'
import { mayCentre, type SvmKernel } from '../../engine/kernel/kernel.ts'
import { PackedRows } from '../../engine/kernel/packed-rows.ts'
import { coefficientRow, pairCount, pairsOf } from '../../engine/kernel/pairs.ts'
import { isImprecise, type RoundingError } from '../../engine/kernel/rounding-error.ts'
import { BlockRows } from '../../engine/rows/block-rows.ts'
import type { EarlierDuals } from '../../engine/seeding/earlier-fit.ts'
import { Engine } from '../../engine/wasm/engine.ts'
import type { Simd } from '../../engine/wasm/module.ts'
import { Regions } from '../../engine/wasm/regions.ts'
import { threadsFor } from '../../engine/wasm/thread-count.ts'
import { ThreadPool } from '../../engine/wasm/thread-pool.ts'
import { TimeSlice } from '../../engine/wasm/time-slice.ts'
import type { FittedModel } from '../model/fitted-model.ts'
import { worseStatus } from '../model/worse-status.ts'
import { ModelAssembler, uncentre, warnOfRounding } from './assemble-model.ts'
import { LeftOutProgress } from './left-out-progress.ts'
import { cacheBytes, planMemory } from './memory-plan.ts'
import { type FitContext, type FitJob, fitJobType, type PairSolution, PairSolver } from './pair-solver.ts'
import { prepareKernel } from './prepare-kernel.ts'
import { Schedule } from './schedule.ts'

/** The input of a fit: rows, their classes and their bounds. */
export interface TrainingProblem {
  X: Matrix
  /** Row numbers of each class. */
  groups: Int32Array[]
  /** Column statistics of X, over all rows. */
  survey: ColumnStats
  /** Upper bound of the dual variable of each row: C times the class weight and the sample weight. */
  bounds: Float64Array
  /** The fold of each row, from 0 to `FOLDS` - 1; if set, probabilities are fitted. */
  folds?: Int32Array | undefined
  /** Duals of an earlier fit to start from. */
  earlier?: EarlierDuals | undefined
  /** Whether to judge each row by solutions without it. Not together with `folds`. */
  leaveOneOut?: boolean | undefined
  /** The dot products of X, in the order of `groups`. */
  gram?: KeptGram | undefined
}

/** Progress of a fit: the number of class pairs solved, and the gap of the current pair. */
export interface FitProgress extends Progress {
  /** Largest violation of the optimality conditions. The pair is solved when it reaches `tol`. */
  gap: number
  /** Number of threads that have taken part so far, including the calling thread. */
  threads: number
}

/** What solutions without each row in turn give. */
export interface LeftOut {
  /**
   * For each pair of classes, the decision value of each row of the first and then of the second from the solution without
   * it, positive for the first class.
   */
  decisions: Float64Array[]
  /** Number of problems that were solved for it, of as many as the decisions; the others have the same solution. */
  refits: number
}

/** Solver options of a fit. */
export interface FitOptions {
  tol: number
  maxIter: number
  cacheSize: number | undefined
  simd: Simd
  threads: number | undefined
  signal?: AbortSignal | undefined
  onProgress?: ((progress: FitProgress) => void) | undefined
  /** Counts rows, once for each of their pairs, if each is left out. */
  onLeftOut?: ((progress: Progress) => void) | undefined
  onWarning?: ((message: string) => void) | undefined
}

/**
 * Solves the dual of every pair of classes (one-vs-one, as in LIBSVM) and combines the solutions.
 *
 * With folds, each pair is solved once more for each fold, on the same kernel values. The dual variables of the
 * fold's rows are fixed at 0, so their decision values can be read from the gradient.
 *
 * @throws {SoftmarginError} `ABORTED`, `OUT_OF_MEMORY`, `HOST_UNSUPPORTED`
 */
export async function fitOneVsOne(
  classes: TrainingProblem,
  kernel: SvmKernel,
  o: FitOptions,
): Promise<FittedModel & { sigmoids?: Sigmoids | undefined; leftOut?: LeftOut | undefined }> {
  const { X, groups } = classes
  const wanted = await threadsFor(
    o.threads,
    kernel.kind === 'precomputed' ? 0 : (X.rows * X.rows * X.cols) / 2,
  )
  const threads = Math.min(wanted, pairCount(groups.length))
  const first = await fitOnce(threads, classes, kernel, o, false)
  if (!isImprecise(first.rounding, o.tol, MARGIN)) return first.model
  // Precision lost in float32 may be recovered with kernel values computed in float64.
  const second = first.precise ? first : await fitOnce(threads, classes, kernel, o, true)
  if (!isImprecise(second.rounding, o.tol, MARGIN)) return second.model
  const { model, rounding } = second
  warnOfRounding(rounding, MARGIN, o.onWarning)
  return { ...model, fitStatus: worseStatus(model.fitStatus, 'imprecise') }
}

/** Distance of the margin of each class from 0, in decision values. */
const MARGIN = 1

/** A fitted model, and the worst rounding error of all pairs. */
interface Fit {
  model: FittedModel & { sigmoids?: Sigmoids; leftOut?: LeftOut }
  rounding: RoundingError
  precise: boolean
}

async function fitOnce(
  threads: number,
  classes: TrainingProblem,
  kernel: SvmKernel,
  o: FitOptions,
  precise: boolean,
): Promise<Fit> {
  const { gram } = classes
  if (gram && !precise && serves(gram, threads, kernel, o)) {
    return fitIn(gram.engine, threads, classes, kernel, o, precise)
  }
  gram?.engine.close()
  const engine = await Engine.open(o.simd, threads > 1)
  try {
    return await fitIn(engine, threads, { ...classes, gram: undefined }, kernel, o, precise)
  } finally {
    engine.close()
  }
}

/**
 * Whether a Gram matrix serves a fit: it has the build of the engine and the rows that the fit would have, and leaves
 * the fit as much memory as it would have otherwise, since that can affect its last bits.
 */
function serves(gram: KeptGram, threads: number, { kind }: SvmKernel, o: FitOptions): boolean {
  const { engine, simd, isShared, isCentred, layout } = gram
  const { runs } = layout.rows
  const limit = cacheBytes(o.cacheSize)
  return (
    kind !== 'precomputed' &&
    simd === o.simd &&
    isCentred === mayCentre(kind) &&
    (isShared || threads === 1) &&
    gramBytes(runs) + BlockRows.bytes(runs) <= limit &&
    engine.room >= 2 * limit
  )
}

async function fitIn(
  engine: Engine,
  threads: number,
  { X, groups, survey, bounds, folds, earlier, gram, leaveOneOut = false }: TrainingProblem,
  kernel: SvmKernel,
  o: FitOptions,
  forced: boolean,
): Promise<Fit> {
  const timeSlice = new TimeSlice(o.signal)
  const pairs = pairsOf(groups.length)
  const laidOut = await prepareKernel(engine, { X, groups, survey }, kernel, timeSlice, {
    ...{ centred: true, precise: forced, gram: gram?.layout },
  })
  const { source, packer, unit, centre, precise } = laidOut
  const plan = planMemory(engine, source, cacheBytes(o.cacheSize), threads)
  const context: FitContext = {
    ...{ groups, bounds, folds, earlier, leaveOneOut, unit, tolerance: o.tol, maxIterations: o.maxIter },
    cacheBytes: plan.cacheBytes,
    diagonal: plan.diagonal,
    rows: source instanceof PackedRows ? source.layout : undefined,
  }
  let done = 0
  const tell = (gap: number) => o.onProgress?.({ done, total: pairs.length, gap, threads: team.threads })
  const leftOut = new LeftOutProgress(pairs, groups, o.onLeftOut)
  const open = () => {
    const onLeftOut = (rows: number) => leftOut.tell(rows)
    const fitter = new PairSolver(engine, source, context, { packer, onSlice: tell, onLeftOut })
    return (job: FitJob, ownTimeSlice: TimeSlice) => fitter.run(job, ownTimeSlice)
  }
  const team = await ThreadPool.open(
    fitJobType,
    engine,
    o.simd,
    plan.threads,
    context,
    new Regions(engine, plan.threadBytes),
    open,
  )
  const solved: PairSolution[] = []
  const jobs = new Schedule(pairs, packer ? groups.length : 0, plan)
  try {
    await team.run(jobs, timeSlice, (solution, job) => {
      jobs.end(job, solution)
      if (!solution) return
      solved[solution.pair] = solution
      done++
      tell(solution.gap)
      if (leaveOneOut) leftOut.end(solution.pair)
    })
  } finally {
    team.close()
  }
  const solutions = new ModelAssembler(groups, X.rows)
  let worst: RoundingError = { error: 0, offset: 0 }
  for (const [n, [i, j]] of pairs.entries()) {
    const { first, second, iterations, status, rounding } = solved[n]
    // Written so that NaN counts as worst.
    if (!(rounding.error <= worst.error)) worst = rounding
    // The term subtracted from the kernel shifts K b by the same amount in every row; rho makes up for it.
    const rho = solved[n].rho - (precise ? rounding.offset : 0)
    solutions.add({ line: coefficientRow(i, j), group: i, beta: first, unit })
    solutions.add({ line: coefficientRow(j, i), group: j, beta: second, unit })
    solutions.close(-rho, iterations, status)
  }
  const model = await solutions.assemble(X, kernel, timeSlice)
  if (centre) await uncentre(model, pairs, centre, timeSlice)
  if (leaveOneOut) {
    const refits = solved.reduce((sum, solution) => sum + solution.refits, 0)
    const decisions = solved.map(({ unseen }) => unseen)
    return { model: { ...model, leftOut: { decisions, refits } }, rounding: worst, precise }
  }
  if (!folds) return { model, rounding: worst, precise }
  const sigmoids = { a: new Float64Array(pairs.length), b: new Float64Array(pairs.length) }
  for (const [n, [i]] of pairs.entries()) {
    const { a, b } = await fitSigmoid(solved[n].unseen, groups[i].length, timeSlice)
    sigmoids.a[n] = a
    sigmoids.b[n] = b
  }
  return { model: { ...model, sigmoids }, rounding: worst, precise }
}
