// Cross-validates the candidates of a grid search on one shared matrix of dot products.

import type { Fold } from '../../core/folds.ts'
import { type EncodedLabels, rowsOfClasses } from '../../core/label-codes.ts'
import type { Matrix } from '../../core/matrix.ts'
import { preciseKernel } from '../../engine/kernel/closeness.ts'
import type { ColumnStats } from '../../engine/kernel/column-stats.ts'
import { GramMatrix, gramBytes } from '../../engine/kernel/gram.ts'
import type { KeptGram } from '../../engine/kernel/kept-gram.ts'
import { conditioningOf, KERNEL_PARAMETERS, type Kernel, mayCentre } from '../../engine/kernel/kernel.ts'
import { positionsIn, runsOf } from '../../engine/kernel/runs.ts'
import { Engine } from '../../engine/wasm/engine.ts'
import { inOrder } from '../../engine/wasm/job.ts'
import { Regions } from '../../engine/wasm/regions.ts'
import { threadsFor } from '../../engine/wasm/thread-count.ts'
import { ThreadPool } from '../../engine/wasm/thread-pool.ts'
import { TimeSlice } from '../../engine/wasm/time-slice.ts'
import { columnStatsOf } from '../../svm/model/column-stats-of.ts'
import { type FeatureParameters, kernelOf } from '../../svm/model/resolve-kernel.ts'
import type { SvcParameters } from '../../svm/model/svc-params.ts'
import { cacheBytes } from '../../svm/training/memory-plan.ts'
import {
  type Batch,
  type SearchContext,
  type SearchJob,
  searchJobType,
  stripsOf,
  threadBytes,
} from './search-jobs.ts'

/** The input of a search. */
export interface Search {
  X: Matrix
  labels: EncodedLabels
  candidates: readonly (SvcParameters & FeatureParameters)[]
  folds: readonly Fold[]
}

/**
 * Whether the matrix of all dot products fits into the memory that the candidates allow.
 *
 * What counts against `cacheSize` are the matrix, the packed rows, and some scratch. It is no measurement: another number
 * would let other searches share a matrix, and change their last bits.
 */
export function canShareGram({ X, labels, candidates }: Search): boolean {
  const limit = Math.min(...candidates.map(({ cacheSize }) => cacheBytes(cacheSize)))
  const runs = runsOf(rowsOfClasses(labels))
  const scratch = 916 * X.cols + 38_528
  return gramBytes(runs) + positionsIn(runs) * (4 * X.cols + 16) + scratch <= limit
}

/**
 * Whether a candidate's kernel values lie so close together that float32 dot products, which a search shares, are too
 * inaccurate to distinguish the rows.
 */
export function isClose(
  X: Matrix,
  candidate: SvcParameters & FeatureParameters,
  facts: ColumnStats,
): boolean {
  const kernel = kernelOf(candidate, X.cols, facts.variance)
  return preciseKernel(X, kernel, facts, { centred: true }) !== undefined
}

/**
 * Fits every candidate on each fold and predicts the fold's `test`, all from one matrix of dot products.
 *
 * The kernel values of a fold's rows are computed once for all candidates with that kernel. Candidates that differ
 * only in C follow each other, so that the duals for a smaller C can seed the next fit (D. DeCoste, K. Wagstaff,
 * "Alpha seeding for support vector machines", KDD 2000) if starting from 0 proved slow.
 *
 * @param o.keepGram whether to keep the Gram matrix for the fit of the best candidate on all rows
 * @param o.onPredicted receives the predicted class numbers of the rows in `folds[fold].test`; undefined if float32
 *   may not be precise enough for a candidate, which must then be fitted separately
 * @returns the Gram matrix, whose engine the caller closes, if it is kept and serves all candidates
 * @throws {SoftmarginError} `ABORTED`, `ONE_CLASS`, `OUT_OF_MEMORY`, `INVALID_ARGUMENT`
 */
export async function searchShared(
  search: Search,
  o: {
    signal?: AbortSignal | undefined
    keepGram?: boolean | undefined
    onPredicted: (candidate: number, fold: number, codes: Int32Array | undefined) => void
  },
): Promise<KeptGram | undefined> {
  const timeSlice = new TimeSlice(o.signal)
  const groups = rowsOfClasses(search.labels)
  const batches = await batchesOf(search, timeSlice)
  const multiplyAdds = search.X.rows * search.X.rows * (search.X.cols + 50 * batches.length)
  const threads = await threadsFor(search.candidates[0].threads, multiplyAdds)
  // The builds of the engine differ in their last bits, and only some kernels allow centred rows.
  const keys = new Set(batches.map(matrixKey))
  for (const key of keys) {
    const group = batches.filter((batch) => matrixKey(batch) === key)
    const { simd, kernel } = group[0]
    const engine = await Engine.open(simd, threads > 1)
    let kept: KeptGram | undefined
    try {
      const conditioning = await conditioningOf(engine, search.X, kernel.kind, timeSlice)
      const context: SearchContext = {
        gram: await GramMatrix.layOut(engine, search.X, groups, conditioning, timeSlice),
        groups,
        labels: search.labels,
        candidates: search.candidates,
        folds: search.folds,
        scale: conditioning.scale,
      }
      const regions = new Regions(engine, threadBytes(engine, context, group))
      const team = await ThreadPool.open(searchJobType, engine, simd, threads, context, regions)
      try {
        const strips = Array.from({ length: stripsOf(engine, context.gram) }, (_, strip): SearchJob => {
          return { type: 'strip', strip }
        })
        await team.run(inOrder(strips), timeSlice, () => {})
        const batchJobs = group.map((batch): SearchJob => ({ type: 'batch', batch }))
        await team.run(inOrder(batchJobs), timeSlice, (codes, job) => {
          if (job.type !== 'batch') return
          const { candidates, fold } = job.batch
          for (const [m, candidate] of candidates.entries()) o.onPredicted(candidate, fold, codes[m])
        })
      } finally {
        team.close()
      }
      if (o.keepGram && keys.size === 1) {
        const { gram: layout } = context
        kept = { engine, simd, isShared: threads > 1, isCentred: mayCentre(kernel.kind), layout }
      }
    } finally {
      if (!kept) engine.close()
    }
    if (kept) return kept
  }
  return undefined
}

/** Returns the key of a batch's matrix of dot products; batches with equal keys share it. */
function matrixKey({ kernel: { kind }, simd }: Batch): string {
  return `${simd} ${mayCentre(kind)}`
}

/** Groups all fits into batches with the same kernel and fold, in ascending order of C. */
async function batchesOf({ X, candidates, folds }: Search, timeSlice: TimeSlice): Promise<Batch[]> {
  const batches = new Map<string, Batch>()
  const byC = [...candidates.keys()].sort((a, b) => candidates[a].C - candidates[b].C || a - b)
  for (const [fold, { train }] of folds.entries()) {
    // gamma 'scale' depends on the rows of the fold.
    const scaled = candidates.some(({ gamma }) => gamma === 'scale')
    const variance = scaled ? (await columnStatsOf(X, candidates[0].simd, timeSlice, train)).variance : 0
    for (const candidate of byC) {
      const { simd } = candidates[candidate]
      const kernel = kernelOf(candidates[candidate], X.cols, variance)
      const key = `${fold} ${simd} ${keyOf(kernel)}`
      const batch = batches.get(key)
      if (batch) batch.candidates.push(candidate)
      else batches.set(key, { fold, kernel, simd, candidates: [candidate] })
    }
  }
  // The longest batches come first, so that the threads finish at about the same time.
  const cost = ({ kernel, candidates: { length } }: Batch) => (kernel.kind === 'linear' ? 4 : 1) * length
  return [...batches.values()].sort((a, b) => cost(b) - cost(a))
}

/** Returns a string that is equal for kernels with equal values. */
function keyOf(kernel: Kernel): string {
  return [kernel.kind, ...KERNEL_PARAMETERS[kernel.kind].map((name) => kernel[name])].join(' ')
}
