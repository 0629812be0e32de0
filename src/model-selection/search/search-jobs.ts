// The jobs of a search that run on the thread pool.

import type { Fold } from '../../core/folds.ts'
import { checkClasses, type EncodedLabels } from '../../core/label-codes.ts'
import { vote } from '../../engine/decision/voting.ts'
import { fillSvcProblem } from '../../engine/dual/svc-problem.ts'
import { type GramLayout, GramMatrix } from '../../engine/kernel/gram.ts'
import { type Kernel, rescaled, unitOf } from '../../engine/kernel/kernel.ts'
import { PairWeights } from '../../engine/kernel/pair-weights.ts'
import { pairCount, pairsOf } from '../../engine/kernel/pairs.ts'
import { expectedError } from '../../engine/kernel/rounding-error.ts'
import { positionsIn } from '../../engine/kernel/runs.ts'
import { FoldRows } from '../../engine/rows/fold-rows.ts'
import { type PairDuals, seedFromSmallerC } from '../../engine/seeding/smaller-c.ts'
import { UniformSeed } from '../../engine/seeding/uniform.ts'
import { Solver } from '../../engine/solver/solver.ts'
import type { Engine } from '../../engine/wasm/engine.ts'
import type { JobType } from '../../engine/wasm/job.ts'
import type { Simd } from '../../engine/wasm/module.ts'
import type { TimeSlice } from '../../engine/wasm/time-slice.ts'
import { classWeights } from '../../svm/model/class-weights.ts'
import type { SvcParameters } from '../../svm/model/svc-params.ts'

/** Fits that share a kernel and a fold. */
export interface Batch {
  fold: number
  kernel: Kernel
  simd: Simd
  /** Indices of the candidates, in ascending order of C. */
  candidates: number[]
}

/** Inputs common to all jobs of a search. Plain data, so that it can be sent to other threads. */
export interface SearchContext {
  gram: GramLayout
  /** Row numbers of each class. */
  groups: Int32Array[]
  labels: EncodedLabels
  candidates: readonly SvcParameters[]
  folds: readonly Fold[]
  /** The factor that the rows were multiplied by. */
  scale: number
}

/**
 * A job computes a strip of the Gram matrix, or runs the fits of a batch. A batch returns the class numbers predicted
 * by each candidate, or undefined for a candidate for which float32 may not be precise enough.
 */
export type SearchJob = { type: 'strip'; strip: number } | { type: 'batch'; batch: Batch }

/** The job type of a search, for the thread pool. */
export const searchJobType: JobType<SearchContext, SearchJob, (Int32Array | undefined)[]> = {
  name: 'search',
  open(engine, context) {
    const gram = new GramMatrix(engine, context.gram)
    const mark = engine.mark()
    return async (job, timeSlice) => {
      engine.release(mark)
      if (job.type === 'batch') return runBatch(engine, gram, context, job.batch, timeSlice)
      await gram.fillStrip(job.strip, timeSlice)
      return []
    }
  },
}

/** Number of strips in the Gram matrix. */
export function stripsOf(engine: Engine, { rows: { runs } }: GramLayout): number {
  return Math.ceil(positionsIn(runs) / engine.blockRows)
}

/** Bytes that a thread allocates, at most, for a search with these batches. */
export function threadBytes(engine: Engine, context: SearchContext, batches: Batch[]): number {
  return engine.measure(() => {
    const gram = new GramMatrix(engine, context.gram)
    const ofBatches = batches.map((batch) => engine.measure(() => layOutBatch(engine, gram, context, batch)))
    engine.allocate(Math.max(...ofBatches))
  })
}

/**
 * Approximate share of the margin that rounding may take. A candidate above it is fitted separately, which measures
 * the actual error.
 */
const MOST_ERROR = 0.03

/** Allocates what the fits of a batch need. */
function layOutBatch(
  engine: Engine,
  gram: GramMatrix,
  { labels, candidates, folds, groups, scale }: SearchContext,
  batch: Batch,
) {
  const positions = positionsOf(groups, gram)
  const { train, test } = folds[batch.fold]
  const members = membersOf(train, labels.codes, positions, groups.length)
  const counts = members.map((rows) => rows.length)
  const kernel = rescaled(batch.kernel, scale)
  const unit = unitOf(kernel, scale)
  const rows = new FoldRows(engine, gram, members, kernel)
  const models = batch.candidates.map((candidate) => {
    const parameters = candidates[candidate]
    const bounds = classWeights(parameters.classWeight, labels.classes, counts).map(
      (weight) => (weight * parameters.C) / unit,
    )
    return {
      parameters,
      weights: PairWeights.allocate(engine, rows.runs, Math.max(...bounds) * unit),
      intercept: new Float64Array(pairCount(groups.length)),
      bounds,
      isPrecise: true,
    }
  })
  const solver = new Solver(engine, rows.runs, kernel.kind)
  return {
    kernel,
    rows,
    counts,
    models,
    solver,
    places: Int32Array.from(test, (row) => positions[row]),
  }
}

/** Fits the candidates of a batch, pair by pair, and predicts the rows left out by the fold. */
async function runBatch(
  engine: Engine,
  gram: GramMatrix,
  context: SearchContext,
  batch: Batch,
  timeSlice: TimeSlice,
): Promise<(Int32Array | undefined)[]> {
  const { labels, groups } = context
  const { kernel, rows, counts, models, solver, places } = layOutBatch(engine, gram, context, batch)
  checkClasses(
    labels.classes.filter((_, c) => counts[c] > 0),
    'y of a fold',
  )
  rows.readGram()
  for (const [pair, [i, j]] of pairsOf(groups.length).entries()) {
    let last: (PairDuals & { parameters: SvcParameters }) | undefined
    const uniform = new UniformSeed(rows.runs[i], rows.runs[j])
    for (const model of models) {
      const { parameters, weights, intercept, bounds } = model
      // A class with no rows in the fold's training set gets no votes.
      intercept[pair] = counts[j] === 0 ? 1 : -1
      if (counts[i] === 0 || counts[j] === 0) continue
      const seed: typeof last = last && hasSameWeights(last.parameters, parameters) ? last : undefined
      const problem = await solver.attach(rows, i, j, parameters.tol, timeSlice)
      const [ofFirst, ofSecond] = [i, j].map((c) => new Float64Array(counts[c]).fill(bounds[c]))
      fillSvcProblem(problem, ofFirst, ofSecond)
      if (seed) seedFromSmallerC(problem, seed, parameters.C / seed.parameters.C)
      else uniform.seed(problem)
      const { rho, iterations } = (await solver.run({ maxIterations: parameters.maxIter, timeSlice }))!
      const { beta, gradient, diagonal, split } = problem
      if (!(expectedError(beta, diagonal, kernel) <= MOST_ERROR)) model.isPrecise = false
      weights.set(i, j, beta.subarray(0, counts[i]))
      weights.set(j, i, beta.subarray(split, split + counts[j]))
      intercept[pair] = -rho
      last =
        seed || iterations > counts[i] + counts[j]
          ? { beta: beta.slice(), gradient: gradient.slice(), parameters }
          : undefined
    }
  }
  const pairs = pairCount(groups.length)
  const decisions = models.map(() => new Float64Array(places.length * pairs))
  rows.decide(
    places,
    models.map(({ weights }) => weights),
    (m, sums, from, count) => {
      const { weights, intercept } = models[m]
      weights.decide(sums, count, intercept, decisions[m], from)
    },
  )
  if (timeSlice.expired) await timeSlice.yield()
  return decisions.map((rowDecisions, m) => {
    if (models[m].isPrecise && rowDecisions.every(Number.isFinite)) return vote(rowDecisions, groups.length)
    return undefined
  })
}

/** Whether the class weights are equal, so that the bounds differ by a common factor. */
function hasSameWeights(a: SvcParameters, b: SvcParameters): boolean {
  return JSON.stringify(a.classWeight ?? null) === JSON.stringify(b.classWeight ?? null)
}

/** Returns the position of each row of X in the Gram matrix. */
function positionsOf(groups: Int32Array[], { runs }: GramMatrix): Int32Array {
  const positions: number[] = []
  for (const [c, group] of groups.entries()) {
    for (const [k, row] of group.entries()) positions[row] = runs[c].start + k
  }
  return Int32Array.from(positions)
}

/** Returns the positions of a fold's training rows, ascending within each class. */
function membersOf(
  train: Int32Array,
  codes: Int32Array,
  positions: Int32Array,
  classes: number,
): Int32Array[] {
  const members: number[][] = Array.from({ length: classes }, () => [])
  for (const row of train) members[codes[row]].push(positions[row])
  return members.map((rowDecisions) => Int32Array.from(rowDecisions).sort())
}
