import { Engine } from '../engine/engine.ts'
import type { MachineKernel } from '../engine/kernel.ts'
import type { Simd } from '../engine/module.ts'
import { Pace } from '../engine/pace.ts'
import type { Run } from '../engine/packed-rows.ts'
import { pairsOf } from '../engine/pair-weights.ts'
import type { DualProblem } from '../engine/problem.ts'
import { train } from '../engine/train.ts'
import { memoryFor } from '../host/memory.ts'
import type { Matrix } from '../matrix.ts'
import type { Progress } from '../progress.ts'
import type { Sigmoids } from './class-order.ts'
import { bringRows } from './fit-rows.ts'
import { fitSigmoid } from './platt.ts'
import { type FittedMachine, Solutions, uncentre } from './solutions.ts'
import { type EarlierDuals, plantDuals } from './warm-start.ts'

export type { FittedMachine } from './solutions.ts'

/** What a fit works on: rows, the class of each, and the cost of each. */
export interface Classes {
  X: Matrix
  /** Row numbers, class by class. */
  groups: Int32Array[]
  /** Upper bound of the dual variable of each row: C times its class's and its own weight. */
  bounds: Float64Array
  /** The fold, from 0 to `FOLDS` - 1, of each row: probabilities are learnt if it is there. */
  folds?: Int32Array | undefined
  /** Where to start from. */
  earlier?: EarlierDuals | undefined
}

/** Folds that probabilities are learnt from, as in LIBSVM. */
export const FOLDS = 5

/** How far a fit has come: pairs of classes, and the gap of the pair that is being solved. */
export interface FitProgress extends Progress {
  /** Largest violation of the optimality conditions; the pair is solved at `tol`. */
  gap: number
}

/** How a fit is done. */
export interface FitOptions {
  tol: number
  maxIter: number
  cacheSize: number | undefined
  simd: Simd
  signal?: AbortSignal | undefined
  onProgress?: ((progress: FitProgress) => void) | undefined
}

/** Bytes that a fit may spend on kernel values. */
export function cacheBytes({ cacheSize }: Pick<FitOptions, 'cacheSize'>): number {
  return cacheSize === undefined ? memoryFor('kernel values') : cacheSize * 2 ** 20
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
  { X, groups, bounds, folds, earlier }: Classes,
  kernel: MachineKernel,
  o: FitOptions,
): Promise<FittedMachine & { sigmoids?: Sigmoids }> {
  const pace = new Pace(o.signal)
  const engine = await Engine.open(o.simd)
  const { source, unit, centre } = bringRows(engine, X, groups, kernel, { centred: true })
  const pairs = pairsOf(groups.length)
  const solutions = new Solutions(groups, X.rows)
  const unseen = pairs.map(([i, j]) => new Float64Array(folds ? groups[i].length + groups[j].length : 0))
  const rounds = folds ? 1 + FOLDS : 1
  await train(engine, source, pairs, {
    tolerance: o.tol,
    maxIterations: o.maxIter,
    cacheBytes: cacheBytes(o),
    pace,
    rounds,
    start: earlier ? 'scaled' : undefined,
    prepare(problem, first, second, n, round) {
      const [i, j] = pairs[n]
      prepareSide(problem, 0, first, groups[i], bounds, 1, unit)
      prepareSide(problem, first.size, second, groups[j], bounds, -1, unit)
      if (folds && round > 0) {
        holdBack(problem, 0, groups[i], folds, round - 1)
        holdBack(problem, first.size, groups[j], folds, round - 1)
      } else if (earlier) plantDuals(problem, first, groups, [i, j], earlier, unit)
    },
    collect(problem, first, _second, n, { status, iterations, rho }, round) {
      const [i, j] = pairs[n]
      const { beta } = problem
      if (round === 0) {
        solutions.add(j - 1, groups[i], beta, 0, unit)
        solutions.add(i, groups[j], beta, first.size, unit)
        solutions.close(-rho, iterations, status)
      } else if (folds) {
        readUnseen(problem, 0, groups[i], folds, round - 1, rho, 1, unseen[n])
        readUnseen(
          problem,
          first.size,
          groups[j],
          folds,
          round - 1,
          rho,
          -1,
          unseen[n].subarray(groups[i].length),
        )
      }
      if (round === rounds - 1) o.onProgress?.({ done: n + 1, total: pairs.length, gap: problem.gap })
    },
    onSlice: (done, gap) => o.onProgress?.({ done, total: pairs.length, gap }),
  })
  const machine = solutions.machine(X, kernel)
  if (centre) uncentre(machine, pairs, centre)
  if (!folds) return machine
  const sigmoids = { a: new Float64Array(pairs.length), b: new Float64Array(pairs.length) }
  for (const [n, [i]] of pairs.entries()) {
    const { a, b } = await fitSigmoid(unseen[n], groups[i].length, pace)
    sigmoids.a[n] = a
    sigmoids.b[n] = b
  }
  return { ...machine, sigmoids }
}

/** A C-SVC's side of the problem: p = -y, and b = y alpha between 0 and y C. */
function prepareSide(
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
function holdBack(
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
function readUnseen(
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
