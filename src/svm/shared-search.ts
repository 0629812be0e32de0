import { Engine } from '../engine/engine.ts'
import { FoldRows } from '../engine/fold-rows.ts'
import { GramMatrix } from '../engine/gram.ts'
import { type Conditioning, conditioningOf, type Kernel, rescaled } from '../engine/kernel.ts'
import type { Simd } from '../engine/module.ts'
import { Pace } from '../engine/pace.ts'
import { PairWeights, pairsOf } from '../engine/pair-weights.ts'
import type { DualProblem } from '../engine/problem.ts'
import { Solver } from '../engine/train.ts'
import { memoryFor } from '../host/memory.ts'
import type { Matrix } from '../matrix.ts'
import { checkClasses, type EncodedLabels } from './labels.ts'
import { classWeights, resolveKernel, type SvcParameters } from './parameters.ts'
import type { Fold } from './stratified-k-fold.ts'
import { vote } from './voting.ts'

/** Fits that share a kernel and a fold. */
interface Batch {
  fold: number
  kernel: Kernel
  simd: Simd
  /** Numbers of the candidates, those with a small C first. */
  candidates: number[]
}

/** What a search works on. */
export interface Search {
  X: Matrix
  labels: EncodedLabels
  candidates: readonly SvcParameters[]
  folds: readonly Fold[]
}

/**
 * Whether one matrix of all dot products, and one of kernel values, fit into the memory that the candidates
 * allow.
 */
export function isSharable({ X, labels, candidates }: Search): boolean {
  const limit = Math.min(
    ...candidates.map(({ cacheSize }) =>
      cacheSize === undefined ? memoryFor('kernel values') : cacheSize * 2 ** 20,
    ),
  )
  return GramMatrix.bytes(groupsOf(labels), X.cols) <= limit
}

/**
 * Fits every candidate on every fold and predicts the fold's `test`, all from one matrix of dot products.
 *
 * Rows that a fold leaves out are points that may not move. Candidates that differ in C alone follow each other,
 * so that the duals of a smaller C start the next (D. DeCoste, K. Wagstaff, "Alpha seeding for support vector
 * machines", KDD 2000) where a start from 0 proved long.
 *
 * @param o.onPredicted gets the class numbers of the rows in `folds[fold].test`
 * @throws {SoftmarginError} `ABORTED`, `ONE_CLASS`, `OUT_OF_MEMORY`, `INVALID_ARGUMENT`
 */
export async function searchShared(
  search: Search,
  o: {
    signal?: AbortSignal | undefined
    onPredicted: (candidate: number, fold: number, codes: Int32Array) => void
  },
): Promise<void> {
  const pace = new Pace(o.signal)
  const groups = groupsOf(search.labels)
  const batches = batchesOf(search)
  // The builds of the engine differ in their last bits, and rows are centred for some kernels only.
  for (const key of new Set(batches.map(matrixKey))) {
    const own = batches.filter((batch) => matrixKey(batch) === key)
    const engine = await Engine.open(own[0].simd)
    const conditioning = conditioningOf(search.X, own[0].kernel.kind)
    const gram = await GramMatrix.open(engine, search.X, groups, conditioning, pace)
    const mark = engine.mark()
    for (const batch of own) {
      engine.release(mark)
      await runBatch(engine, gram, search, batch, groups, conditioning, pace, o.onPredicted)
    }
  }
}

/** Batches with the same key share a matrix of dot products. */
function matrixKey({ kernel: { kind }, simd }: Batch): string {
  return `${simd} ${kind === 'rbf' || kind === 'linear'}`
}

/** Row numbers, class by class. */
function groupsOf({ classes, codes }: EncodedLabels): Int32Array[] {
  const groups: number[][] = classes.map(() => [])
  for (const [row, code] of codes.entries()) groups[code].push(row)
  return groups.map((group) => Int32Array.from(group))
}

function batchesOf({ X, candidates, folds }: Search): Batch[] {
  const batches = new Map<string, Batch>()
  const byC = [...candidates.keys()].sort((a, b) => candidates[a].C - candidates[b].C || a - b)
  for (const [fold, { train }] of folds.entries()) {
    // gamma: 'scale' depends on the rows of the fold.
    const rows = candidates.some(({ gamma }) => gamma === 'scale') ? X.select(train) : X
    for (const candidate of byC) {
      const kernel = resolveKernel(candidates[candidate], rows)
      const { simd } = candidates[candidate]
      const key = `${fold} ${simd} ${keyOf(kernel)}`
      const batch = batches.get(key)
      if (batch) batch.candidates.push(candidate)
      else batches.set(key, { fold, kernel, simd, candidates: [candidate] })
    }
  }
  return [...batches.values()]
}

/** A text that is the same for kernels with the same values. */
function keyOf({ kind, gamma, coef0, degree }: Kernel): string {
  if (kind === 'linear') return kind
  if (kind === 'rbf') return `${kind} ${gamma}`
  return `${kind} ${gamma} ${coef0}${kind === 'poly' ? ` ${degree}` : ''}`
}

/** The duals of a pair, and how hard they were to find. */
interface Dual {
  beta: Float64Array
  gradient: Float64Array
  iterations: number
  parameters: SvcParameters
}

/** Fits the candidates of a batch, pair by pair, and predicts what the fold left out. */
async function runBatch(
  engine: Engine,
  gram: GramMatrix,
  { labels, candidates, folds }: Search,
  batch: Batch,
  groups: Int32Array[],
  { scale }: Conditioning,
  pace: Pace,
  onPredicted: (candidate: number, fold: number, codes: Int32Array) => void,
): Promise<void> {
  const positions = positionsOf(groups, gram)
  const { train, test } = folds[batch.fold]
  const members = membersOf(train, labels.codes, positions, groups.length)
  const counts = members.map((rows) => rows.length)
  checkClasses(
    labels.classes.filter((_, c) => counts[c] > 0),
    'y of a fold',
  )
  const kernel = rescaled(batch.kernel, scale)
  const unit = kernel.kind === 'linear' ? scale * scale : 1
  const rows = new FoldRows(engine, gram, members, kernel)
  const machines = batch.candidates.map((candidate) => {
    const parameters = candidates[candidate]
    return {
      parameters,
      weights: new PairWeights(engine, rows.runs),
      intercept: new Float64Array((groups.length * (groups.length - 1)) / 2),
      bounds: classWeights(parameters.classWeight, labels.classes, counts).map(
        (weight) => (weight * parameters.C) / unit,
      ),
    }
  })
  const solver = new Solver(engine, rows.runs, kernel.kind)
  for (const [pair, [i, j]] of pairsOf(groups.length).entries()) {
    let last: Dual | undefined
    for (const { parameters, weights, intercept, bounds } of machines) {
      // A class that the fold left out altogether gets no vote.
      intercept[pair] = counts[j] === 0 ? 1 : -1
      if (counts[i] === 0 || counts[j] === 0) continue
      const seed: Dual | undefined = isSeed(last, parameters, counts[i] + counts[j]) ? last : undefined
      await solver.solve(rows, i, j, pair, {
        tolerance: parameters.tol,
        maxIterations: parameters.maxIter,
        pace,
        prepare(problem, first, second) {
          fillSide(problem, 0, first.count, 1, bounds[i])
          fillSide(problem, first.size, second.count, -1, bounds[j])
          if (seed) plant(problem, seed, first.size, parameters.C / seed.parameters.C)
        },
        collect(problem, first, _second, _pair, { rho, iterations }) {
          const { beta, gradient } = problem
          weights.setColumn(i, j - 1, counts[i], (row) => beta[row])
          weights.setColumn(j, i, counts[j], (row) => beta[first.size + row])
          intercept[pair] = -rho
          last = { beta: beta.slice(), gradient: gradient.slice(), iterations, parameters }
        },
      })
    }
  }
  const pairs = pairsOf(groups.length).length
  const decisions = machines.map(() => new Float64Array(test.length * pairs))
  const places = Int32Array.from(test, (row) => positions[row])
  rows.decide(
    places,
    machines.map(({ weights }) => weights),
    (row, m, sums) => {
      const { weights, intercept } = machines[m]
      weights.decide(sums, intercept, decisions[m].subarray(row * pairs, (row + 1) * pairs))
    },
  )
  for (const [m, candidate] of batch.candidates.entries()) {
    onPredicted(candidate, batch.fold, vote(decisions[m], groups.length))
  }
  if (pace.due) await pace.rest()
}

/** Where each row of X stands in the Gram matrix. */
function positionsOf(groups: Int32Array[], { runs }: GramMatrix): Int32Array {
  const positions: number[] = []
  for (const [c, group] of groups.entries()) {
    for (const [k, row] of group.entries()) positions[row] = runs[c].start + k
  }
  return Int32Array.from(positions)
}

/** Positions of the rows that a fold trains on, ascending, class by class. */
function membersOf(
  train: Int32Array,
  codes: Int32Array,
  positions: Int32Array,
  classes: number,
): Int32Array[] {
  const members: number[][] = Array.from({ length: classes }, () => [])
  for (const row of train) members[codes[row]].push(positions[row])
  return members.map((own) => Int32Array.from(own).sort())
}

/** Duals of a smaller C are worth starting from if they were long to find and nothing else differs. */
function isSeed(dual: Dual | undefined, { classWeight }: SvcParameters, points: number): boolean {
  return (
    dual !== undefined &&
    dual.iterations > points &&
    JSON.stringify(dual.parameters.classWeight ?? null) === JSON.stringify(classWeight ?? null)
  )
}

/** A C-SVC's side of a problem: p = -y, and b = y alpha between 0 and y times the bound. */
function fillSide(problem: DualProblem, at: number, count: number, sign: 1 | -1, bound: number): void {
  const { gradient, lower, upper } = problem
  gradient.fill(-sign, at, at + count)
  if (sign === 1) upper.fill(bound, at, at + count)
  else lower.fill(-bound, at, at + count)
}

/**
 * Starts from the duals of a smaller C, made t times as large: of all t that the new bounds allow the one with
 * the least objective.
 */
function plant(problem: DualProblem, { beta, gradient }: Dual, split: number, growth: number): void {
  let linear = 0
  let quadratic = 0
  for (let k = 0; k < beta.length; k++) {
    // p = -y, so Kb = F + y.
    linear += Math.abs(beta[k])
    quadratic += beta[k] * (gradient[k] + (k < split ? 1 : -1))
  }
  const t = quadratic > 0 ? Math.max(1, Math.min(growth, linear / quadratic)) : growth
  const target = problem.beta
  const { gradient: F, lower, upper } = problem
  for (let k = 0; k < beta.length; k++) {
    const y = k < split ? 1 : -1
    target[k] = Math.min(Math.max(beta[k] * t, lower[k]), upper[k])
    F[k] = t * (gradient[k] + y) - y
  }
}
