import type { LongCall } from '../core/call-options.ts'
import type { Fold } from '../core/folds.ts'
import { encodeLabels } from '../core/label-codes.ts'
import type { Label } from '../core/labels.ts'
import type { Matrix } from '../core/matrix.ts'
import type { KeptGram } from '../engine/kernel/kept-gram.ts'
import { KERNEL_PARAMETERS } from '../engine/kernel/kernel.ts'
import { TimeSlice } from '../engine/wasm/time-slice.ts'
import { accuracyScore } from '../metrics/metrics.ts'
import { columnStatsOf } from '../svm/model/column-stats-of.ts'
import { autoGamma, hasFeatures } from '../svm/model/resolve-kernel.ts'
import { SVC, type SvcParameters } from '../svm/svc.ts'
import { crossValidate } from './cross-validate.ts'
import type { Scorer } from './scoring.ts'
import { canShareGram, isClose, searchShared } from './search/shared-search.ts'

/**
 * Fits every candidate on each fold's `train` and scores it on the fold's `test`.
 *
 * Candidates that differ only in parameters that their kernel ignores are fitted once. All candidates share one
 * matrix of dot products if it fits into memory.
 *
 * @param candidates all parameters of each candidate
 * @param o.scorer default: accuracy
 * @param o.keepGram whether to keep that matrix, if it serves all candidates, for a fit on all rows
 * @returns `scores[candidate][fold]`; and the matrix, whose engine the caller closes
 * @throws {SoftmarginError} `ABORTED`, and the errors of `SVC.fit` and `SVC.predict`
 */
export async function evaluateCandidates<L extends Label>(
  candidates: readonly SvcParameters[],
  X: Matrix,
  y: ArrayLike<L>,
  folds: readonly Fold[],
  o: LongCall & { scorer?: Scorer<L> | undefined; keepGram?: boolean | undefined } = {},
): Promise<{ scores: Float64Array[]; gram: KeptGram | undefined }> {
  const scorer = o.scorer ?? accuracyScore
  const keys = candidates.map((candidate) => candidateKey(candidate, X.cols))
  const distinct = new Map(keys.map((key, i) => [key, candidates[i]]))
  const scores = new Map([...distinct.keys()].map((key) => [key, new Float64Array(folds.length)]))

  const total = distinct.size * folds.length
  let done = 0
  const judge = (key: string, fold: number, predicted: L[]) => {
    scores.get(key)![fold] = scorer(
      Array.from(folds[fold].test, (row) => y[row]),
      predicted,
    )
    o.onProgress?.({ done: ++done, total })
  }
  const facts = await columnStatsOf(X, candidates[0].simd, new TimeSlice(o.signal))
  const shared = [...distinct].flatMap(([key, candidate]) => {
    return hasFeatures(candidate) && !isClose(X, candidate, facts) ? [{ key, candidate }] : []
  })
  const search = { X, labels: encodeLabels(y), folds, candidates: shared.map(({ candidate }) => candidate) }
  const judged = new Set<string>()
  let gram: KeptGram | undefined
  if (shared.length > 0 && canShareGram(search)) {
    gram = await searchShared(search, {
      signal: o.signal,
      keepGram: o.keepGram && shared.length === distinct.size,
      onPredicted(candidate, fold, codes) {
        if (!codes) return
        const { key } = shared[candidate]
        judged.add(`${fold} ${key}`)
        const predicted = Array.from(codes, (code) => search.labels.classes[code])
        judge(key, fold, predicted)
      },
    })
  }
  const left = folds.map(() => new Map(distinct))
  for (const [fold, candidates] of left.entries()) {
    for (const key of distinct.keys()) if (judged.has(`${fold} ${key}`)) candidates.delete(key)
  }
  try {
    // What is left has no shared matrix: it does not fit into memory, is not precise enough, or X holds kernel values.
    await crossValidate(X, y, folds, {
      signal: o.signal,
      // Scorers only use labels, so probabilities would be wasted work.
      estimatorsOf: (fold) =>
        [...left[fold].values()].map((candidate) => new SVC<L>({ ...candidate, probability: false })),
      judge: async ({ svc, XTest, fold, index }) =>
        judge([...left[fold].keys()][index], fold, await svc.predict(XTest, { signal: o.signal })),
    })
  } catch (error) {
    gram?.engine.close()
    throw error
  }
  return { scores: keys.map((key) => scores.get(key)!.slice()), gram }
}

/** Returns a string that is equal for two candidates exactly if their fits are the same. */
function candidateKey(candidate: SvcParameters, columns: number): string {
  const { gamma, degree, coef0, ...others } = candidate
  const values = { gamma: autoGamma(gamma, columns), degree, coef0 }
  const used = others.kernel === 'precomputed' ? [] : KERNEL_PARAMETERS[others.kernel]
  const read = used.map((name): [string, unknown] => [name, values[name]])
  const sorted = (entries: [string, unknown][]) => entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify(sorted([...Object.entries(others), ...read]), (_, value) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? sorted(Object.entries(value))
      : value,
  )
}
