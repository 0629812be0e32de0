import type { Progress } from '../../core/call-options.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { Sigmoids } from '../../engine/decision/platt.ts'
import { fitSigmoid } from '../../engine/decision/platt.ts'
import type { ColumnStats } from '../../engine/kernel/column-stats.ts'
import type { SvmKernel } from '../../engine/kernel/kernel.ts'
import { PackedRows } from '../../engine/kernel/packed-rows.ts'
import { pairsOf } from '../../engine/kernel/pair-weights.ts'
import { isImprecise, type RoundingError } from '../../engine/kernel/rounding-error.ts'
import { Engine } from '../../engine/wasm/engine.ts'
import type { Simd } from '../../engine/wasm/module.ts'
import { ThreadPool, threadsFor } from '../../engine/wasm/thread-pool.ts'
import { TimeSlice } from '../../engine/wasm/time-slice.ts'
import type { FittedModel } from '../model/fitted-model.ts'
import type { SeedDuals } from './alpha-seeding.ts'
import { ModelAssembler, uncentre, warnOfRounding, worseStatus } from './assemble-model.ts'
import { cacheBytes, planMemory } from './memory-plan.ts'
import { type FitContext, type FitJob, fitJobType, type PairSolution, PairSolver } from './pair-solver.ts'
import { prepareKernel } from './prepare-kernel.ts'
import { Schedule } from './schedule.ts'

/** What a fit works on: rows, the class of each, and the cost of each. */
export interface TrainingProblem {
  X: Matrix
  /** Row numbers, class by class. */
  groups: Int32Array[]
  /** What is known of all rows of X. */
  survey: ColumnStats
  /** Upper bound of the dual variable of each row: C times its class's and its own weight. */
  bounds: Float64Array
  /** The fold, from 0 to `FOLDS` - 1, of each row: probabilities are learnt if it is there. */
  folds?: Int32Array | undefined
  /** Where to start from. */
  earlier?: SeedDuals | undefined
}

/** How far a fit has come: pairs of classes, and the gap of the pair that is being solved. */
export interface FitProgress extends Progress {
  /** Largest violation of the optimality conditions; the pair is solved at `tol`. */
  gap: number
  /** Threads that have done a part of the work so far, the caller's own included. */
  threads: number
}

/** How a fit is done. */
export interface FitOptions {
  tol: number
  maxIter: number
  cacheSize: number | undefined
  simd: Simd
  threads: number | undefined
  signal?: AbortSignal | undefined
  onProgress?: ((progress: FitProgress) => void) | undefined
  onWarning?: ((message: string) => void) | undefined
}

/**
 * Solves the dual of every pair of classes (one-vs-one, as LIBSVM does) and joins the solutions.
 *
 * With folds, each pair is solved once more for each of them, on the kernel values that are there already: rows
 * of the fold may not move from 0, so what the others decide of them can be read from their gradient.
 *
 * @throws {SoftmarginError} `ABORTED`, `OUT_OF_MEMORY`, `HOST_UNSUPPORTED`
 */
export async function fitOneVsOne(
  classes: TrainingProblem,
  kernel: SvmKernel,
  o: FitOptions,
): Promise<FittedModel & { sigmoids?: Sigmoids | undefined }> {
  const { X, groups } = classes
  const wanted = await threadsFor(
    o.threads,
    kernel.kind === 'precomputed' ? 0 : (X.rows * X.rows * X.cols) / 2,
  )
  const threads = Math.min(wanted, pairsOf(groups.length).length)
  const first = await fitOnce(threads, classes, kernel, o, false)
  if (!isImprecise(first.rounding, o.tol, MARGIN)) return first.machine
  // What float32 lost, kernel values that are made in float64 may still hold.
  const second = first.precise ? first : await fitOnce(threads, classes, kernel, o, true)
  if (!isImprecise(second.rounding, o.tol, MARGIN)) return second.machine
  const { machine, rounding } = second
  warnOfRounding(rounding, MARGIN, o.onWarning)
  return { ...machine, fitStatus: worseStatus(machine.fitStatus, 'imprecise') }
}

/** How far the decision values of the two classes are to be from 0. */
const MARGIN = 1

/** A machine, and what rounding did to it: of the pairs, the worst. */
interface Fit {
  machine: FittedModel & { sigmoids?: Sigmoids }
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
  const engine = await Engine.open(o.simd, threads > 1)
  try {
    return await fitIn(engine, threads, classes, kernel, o, precise)
  } finally {
    engine.close()
  }
}

async function fitIn(
  engine: Engine,
  threads: number,
  { X, groups, survey, bounds, folds, earlier }: TrainingProblem,
  kernel: SvmKernel,
  o: FitOptions,
  forced: boolean,
): Promise<Fit> {
  const timeSlice = new TimeSlice(o.signal)
  const pairs = pairsOf(groups.length)
  const laidOut = await prepareKernel(engine, { X, groups, survey }, kernel, timeSlice, {
    ...{ centred: true, precise: forced },
  })
  const { source, packer, unit, centre, precise } = laidOut
  const plan = planMemory(engine, source.runs, X.cols, cacheBytes(o.cacheSize), threads)
  const context: FitContext = {
    ...{ groups, bounds, folds, earlier, unit, tolerance: o.tol, maxIterations: o.maxIter },
    cacheBytes: plan.cacheBytes,
    own: plan.own,
    rows: source instanceof PackedRows ? source.layout : undefined,
  }
  let done = 0
  const tell = (gap: number) => o.onProgress?.({ done, total: pairs.length, gap, threads: team.threads })
  const open = () => {
    const fitter = new PairSolver(engine, source, context, { packer, onSlice: tell })
    return (job: FitJob, ownTimeSlice: TimeSlice) => fitter.run(job, ownTimeSlice)
  }
  const team = await ThreadPool.open(
    fitJobType,
    engine,
    o.simd,
    plan.threads,
    context,
    plan.threadBytes,
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
    })
  } finally {
    team.close()
  }
  const solutions = new ModelAssembler(groups, X.rows)
  let worst: RoundingError = { error: 0, offset: 0 }
  for (const [n, [i, j]] of pairs.entries()) {
    const { first, second, iterations, status, rounding } = solved[n]
    // NaN is the worst of all.
    if (!(rounding.error <= worst.error)) worst = rounding
    // What was subtracted from the kernel is missing in K b by the same amount everywhere.
    const rho = solved[n].rho - (precise ? rounding.offset : 0)
    solutions.add({ line: j - 1, group: i, beta: first, unit })
    solutions.add({ line: i, group: j, beta: second, unit })
    solutions.close(-rho, iterations, status)
  }
  const machine = await solutions.assemble(X, kernel, timeSlice)
  if (centre) await uncentre(machine, pairs, centre, timeSlice)
  if (!folds) return { machine, rounding: worst, precise }
  const sigmoids = { a: new Float64Array(pairs.length), b: new Float64Array(pairs.length) }
  for (const [n, [i]] of pairs.entries()) {
    const { a, b } = await fitSigmoid(solved[n].unseen, groups[i].length, timeSlice)
    sigmoids.a[n] = a
    sigmoids.b[n] = b
  }
  return { machine: { ...machine, sigmoids }, rounding: worst, precise }
}
