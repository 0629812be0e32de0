import { BlockRows } from '../engine/block-rows.ts'
import { Engine } from '../engine/engine.ts'
import type { MachineKernel } from '../engine/kernel.ts'
import type { Simd } from '../engine/module.ts'
import { Pace } from '../engine/pace.ts'
import { leftBytes, PackedRows, type Run } from '../engine/packed-rows.ts'
import { pairsOf } from '../engine/pair-weights.ts'
import { RowCache } from '../engine/row-cache.ts'
import type { Survey } from '../engine/survey.ts'
import { Team, threadsFor } from '../engine/team.ts'
import { Solver } from '../engine/train.ts'
import { cacheMemory } from '../host/memory.ts'
import type { Matrix } from '../matrix.ts'
import type { Progress } from '../progress.ts'
import type { Sigmoids } from './class-order.ts'
import { bringRows } from './fit-rows.ts'
import {
  type FitContext,
  type FitJob,
  fitWork,
  PairFitter,
  type PairSolution,
  type RowsFrom,
} from './fit-work.ts'
import { fitSigmoid } from './platt.ts'
import { type FittedMachine, Solutions, uncentre } from './solutions.ts'
import type { EarlierDuals } from './warm-start.ts'

export type { FittedMachine } from './solutions.ts'

/** What a fit works on: rows, the class of each, and the cost of each. */
export interface Classes {
  X: Matrix
  /** Row numbers, class by class. */
  groups: Int32Array[]
  /** What is known of all rows of X. */
  survey: Survey
  /** Upper bound of the dual variable of each row: C times its class's and its own weight. */
  bounds: Float64Array
  /** The fold, from 0 to `FOLDS` - 1, of each row: probabilities are learnt if it is there. */
  folds?: Int32Array | undefined
  /** Where to start from. */
  earlier?: EarlierDuals | undefined
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
}

/** Bytes that a fit may spend on kernel values. */
export function cacheBytes({ cacheSize }: Pick<FitOptions, 'cacheSize'>): number {
  return cacheSize === undefined ? cacheMemory() : cacheSize * 2 ** 20
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
  classes: Classes,
  kernel: MachineKernel,
  o: FitOptions,
): Promise<FittedMachine & { sigmoids?: Sigmoids }> {
  const { X, groups } = classes
  const wanted = await threadsFor(
    o.threads,
    kernel.kind === 'precomputed' ? 0 : (X.rows * X.rows * X.cols) / 2,
  )
  const threads = Math.min(wanted, pairsOf(groups.length).length)
  const engine = await Engine.open(o.simd, threads > 1)
  try {
    return await fitIn(engine, threads, classes, kernel, o)
  } finally {
    engine.close()
  }
}

async function fitIn(
  engine: Engine,
  threads: number,
  { X, groups, survey, bounds, folds, earlier }: Classes,
  kernel: MachineKernel,
  o: FitOptions,
): Promise<FittedMachine & { sigmoids?: Sigmoids }> {
  const pace = new Pace(o.signal)
  const pairs = pairsOf(groups.length)
  const { source, unit, centre } = await bringRows(engine, { X, groups, survey }, kernel, pace, {
    centred: true,
  })
  const plan = affordableFit(engine, source.runs, X.cols, cacheBytes(o), threads)
  const context: FitContext = {
    ...{ groups, bounds, folds, earlier, unit, tolerance: o.tol, maxIterations: o.maxIter },
    cacheBytes: plan.cacheBytes,
    own: plan.own,
    rows: source instanceof PackedRows ? source.layout : undefined,
  }
  let done = 0
  const tell = (gap: number) => o.onProgress?.({ done, total: pairs.length, gap, threads: team.threads })
  const open = () => {
    const fitter = new PairFitter(engine, source, context, tell)
    return (job: FitJob, ownPace: Pace) => fitter.run(job, ownPace)
  }
  const team = await Team.open(fitWork, engine, o.simd, plan.threads, context, plan.threadBytes, open)
  const solved: PairSolution[] = []
  const collect = (solution: PairSolution) => {
    solved[solution.pair] = solution
    done++
    tell(solution.gap)
  }
  try {
    await solvePairs(team, groups.length, plan, pace, collect)
  } finally {
    team.close()
  }
  const solutions = new Solutions(groups, X.rows)
  for (const [n, [i, j]] of pairs.entries()) {
    const { first, second, rho, iterations, status } = solved[n]
    solutions.add(j - 1, groups[i], first, 0, unit)
    solutions.add(i, groups[j], second, 0, unit)
    solutions.close(-rho, iterations, status)
  }
  const machine = await solutions.machine(X, kernel, pace)
  if (centre) await uncentre(machine, pairs, centre, pace)
  if (!folds) return machine
  const sigmoids = { a: new Float64Array(pairs.length), b: new Float64Array(pairs.length) }
  for (const [n, [i]] of pairs.entries()) {
    const { a, b } = await fitSigmoid(solved[n].unseen, groups[i].length, pace)
    sigmoids.a[n] = a
    sigmoids.b[n] = b
  }
  return { ...machine, sigmoids }
}

/** Where more than this share of the rows is asked for, the whole block is no more work than its rows one by one. */
const MOST = 0.4

/**
 * The pairs of so many classes show what part of a block the others will ask for: as many whatever the threads, for the
 * path depends on it.
 */
const TRIED = 4

/** Classes of at most so many rows get whole blocks at once: nothing is saved by asking for rows. */
const SMALL = 64

/** What the rounding of addresses may cost. */
const ALIGNED = 2 ** 16

/** How a fit spends its memory. */
interface Plan {
  threads: number
  /** Memory that each thread wants for itself. */
  threadBytes: number
  /** Bytes for the rows of a pair that is solved row by row. */
  cacheBytes: number
  /** Whether whole blocks fit. */
  blocks: boolean
  /** Where the block of each class with itself goes; empty where the blocks do not fit. */
  own: number[]
  /** Share of the rows above which rows one by one are more work than to begin with classes' own blocks. */
  fewRows: number
  /** Whether the blocks are made without looking at that share. */
  small: boolean
}

/** The plan for as much of `cacheLimit` as the host gives: less makes a fit slower, not worse. */
function affordableFit(engine: Engine, runs: Run[], width: number, cacheLimit: number, wanted: number): Plan {
  for (let limit = cacheLimit, threads = wanted; ; ) {
    const plan = planFit(engine, runs, width, limit, threads)
    const own = plan.blocks ? runs.reduce((sum, run) => sum + BlockRows.ownBytes(run), 0) : 0
    try {
      engine.reserve(own + plan.threads * plan.threadBytes)
    } catch (error) {
      // Fewer threads before less memory: what a thread keeps in it may show in its last bits.
      if (plan.threads > 1) threads = plan.threads - 1
      else if (limit > RowCache.leastBytes(engine, runs)) {
        limit /= 2
        threads = wanted
      } else throw error
      continue
    }
    return plan.blocks ? { ...plan, own: BlockRows.placeOwn(engine, runs) } : plan
  }
}

/**
 * Kernel rows come from whole blocks or one by one, whichever is less work. With k classes of n rows, of which a pair
 * asks for the share q, it is 4 q n^2 kernel values a pair row by row, n^2 / (k - 1) for the blocks of classes with
 * themselves, and then 2 q n^2 for the rows of the block of the two classes, or n^2 for the whole of it.
 *
 * A thread gets as much memory as one alone would get, for what it keeps may show in its last bits: there are
 * only so many threads as that allows.
 */
function planFit(engine: Engine, runs: Run[], width: number, cacheLimit: number, wanted: number): Plan {
  const sizes = runs.map((run) => run.size)
  // Beside the rows that are kept, a batch of them is being made, and a problem is being solved.
  const room = engine.room - RowCache.leastBytes(engine, runs) - Solver.bytes(engine, sizes)
  const limit = Math.min(cacheLimit, room)
  const rowBytes = Math.min(limit, RowCache.mostBytes(runs))
  const blockBytes = BlockRows.bytes(runs)
  const crossBytes = 2 * BlockRows.crossBytes(runs)
  const blocksFit = blockBytes <= limit
  const fits = (threads: number) =>
    threads * rowBytes <= limit && (!blocksFit || blockBytes + (threads - 1) * crossBytes <= limit)
  let threads = wanted
  while (threads > 1 && !fits(threads)) threads--
  return {
    threads,
    threadBytes:
      leftBytes(width) +
      Solver.bytes(engine, sizes) +
      RowCache.leastBytes(engine, runs) +
      Math.max(rowBytes, crossBytes) +
      ALIGNED,
    cacheBytes: rowBytes,
    blocks: blocksFit,
    own: [],
    fewRows: 1 / (2 * (runs.length - 1)),
    small: blocksFit && Math.max(...sizes) <= SMALL,
  }
}

/**
 * The first pair is solved row by row, and the others too, unless it asks for so many rows that whole blocks of classes
 * with themselves are less work: then it is given up. With such blocks, which serve all pairs, the pairs of the first
 * classes get the block of their two classes row by row, while the other classes' own blocks are made; and so do the
 * other pairs, unless many of its rows were asked for.
 */
async function solvePairs(
  team: Team<FitJob, PairSolution | undefined>,
  classes: number,
  plan: Plan,
  pace: Pace,
  onSolved: (solution: PairSolution) => void,
): Promise<void> {
  const pairs = pairsOf(classes)
  const left = new Set(pairs.keys())
  /** Answers the mean share of rows that the pairs asked for. */
  const solve = async (some: number[], from: RowsFrom, { mostRows = 1, beside = [] as FitJob[] } = {}) => {
    const shares = new Map<number, number>()
    const jobs = some.map((pair): FitJob => ({ pair, from, mostRows }))
    await team.run([...jobs, ...beside], pace, (solution) => {
      if (!solution) return
      left.delete(solution.pair)
      shares.set(solution.pair, solution.share)
      onSolved(solution)
    })
    // In their order, not in that of their ends.
    return some.reduce((sum, pair) => sum + (shares.get(pair) ?? 0), 0) / some.length
  }
  if (!plan.small) {
    const mostRows = plan.blocks ? plan.fewRows : 1
    await solve([0], 'rows', { mostRows })
    if (left.size < pairs.length) await solve([...left], 'rows', { mostRows })
  }
  if (left.size === 0) return
  const own = plan.own.map((_, number): FitJob => ({ own: number }))
  if (plan.small || classes === 2) {
    await solve([], 'blocks', { beside: own })
    await solve([...left], 'blocks')
    return
  }
  await solve([], 'blocks', { beside: own.slice(0, TRIED) })
  const first = [...left].filter((pair) => Math.max(...pairs[pair]) < TRIED)
  const share = await solve(first, 'cross rows', { beside: own.slice(TRIED) })
  await solve([...left], share > MOST ? 'blocks' : 'cross rows')
}
