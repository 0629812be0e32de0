import type { LongCall } from '../core/call-options.ts'
import { throwIfAborted } from '../core/errors.ts'
import type { Fold } from '../core/folds.ts'
import { encodeLabels, type Label } from '../core/labels.ts'
import { Matrix } from '../core/matrix.ts'
import { columnStatsOf } from '../engine/kernel/column-stats.ts'
import { TimeSlice } from '../engine/wasm/time-slice.ts'
import { accuracyScore } from '../metrics/metrics.ts'
import { hasFeatures } from '../svm/model/svm-params.ts'
import type { SVC, SvcOptions } from '../svm/svc.ts'
import type { Scorer } from './scoring.ts'
import { canShareGram, isClose, searchShared } from './search/shared-search.ts'

/**
 * Fits every candidate on each fold's `train` and scores it on the fold's `test`.
 *
 * Candidates that differ only in parameters that their kernel ignores are fitted once. All candidates share one
 * matrix of dot products if it fits into memory.
 *
 * @param estimator the SVC whose parameters the candidates override; it is not fitted itself
 * @param candidates parameters to set on copies of the estimator
 * @param o.scorer default: accuracy
 * @returns `scores[candidate][fold]`
 * @throws {SoftmarginError} `ABORTED`, and the errors of `SVC.fit` and `SVC.predict`
 */
export async function evaluateCandidates<L extends Label>(
  estimator: SVC<L>,
  X: Matrix,
  y: ArrayLike<L>,
  candidates: readonly SvcOptions[],
  folds: readonly Fold[],
  o: LongCall & { scorer?: Scorer<L> | undefined } = {},
): Promise<Float64Array[]> {
  const scorer = o.scorer ?? accuracyScore
  const keys = candidates.map((candidate) => candidateKey(estimator, candidate, X.cols))
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
  const facts = await columnStatsOf(X, estimator.getParams().simd, new TimeSlice(o.signal))
  const shared = [...distinct].flatMap(([key, candidate]) => {
    const parameters = estimator.clone(candidate).getParams()
    return hasFeatures(parameters) && !isClose(X, parameters, facts) ? [{ key, parameters }] : []
  })
  const search = { X, labels: encodeLabels(y), folds, candidates: shared.map(({ parameters }) => parameters) }
  const judged = new Set<string>()
  if (shared.length > 0 && canShareGram(search)) {
    await searchShared(search, {
      signal: o.signal,
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
  await searchPlainly(estimator, X, y, left, folds, judge, o.signal)
  return keys.map((key) => scores.get(key)!.slice())
}

/**
 * Fits each candidate on its own copy of the rows. Used if a shared matrix does not fit into memory or is not precise
 * enough, or if X holds precomputed kernel values.
 *
 * @param left the candidates to fit on each fold
 */
async function searchPlainly<L extends Label>(
  estimator: SVC<L>,
  X: Matrix,
  y: ArrayLike<L>,
  left: Map<string, SvcOptions>[],
  folds: readonly Fold[],
  judge: (key: string, fold: number, predicted: L[]) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const [fold, { train, test }] of folds.entries()) {
    if (left[fold].size === 0) continue
    const rows = { train: X.select(train), test: X.select(test) }
    const yTrain = Array.from(train, (row) => y[row])
    for (const [key, candidate] of left[fold]) {
      throwIfAborted(signal)
      // Scorers only use labels, so probabilities would be wasted work.
      const svc = estimator.clone({ ...candidate, probability: false })
      const given = svc.getParams().kernel === 'precomputed'
      // A precomputed kernel needs the kernel values between the rows and the training rows.
      const { train: XTrain, test: XTest } = given
        ? { train: selectColumns(rows.train, train), test: selectColumns(rows.test, train) }
        : rows
      try {
        // Warnings are dropped: an imprecise fit shows in its score.
        await svc.fit(XTrain, yTrain, { signal, onWarning: () => {} })
        judge(key, fold, await svc.predict(XTest, { signal }))
      } finally {
        svc.dispose()
      }
    }
  }
}

function selectColumns(X: Matrix, columns: Int32Array): Matrix {
  const data = new Float32Array(X.rows * columns.length)
  for (let i = 0, at = 0; i < X.rows; i++) {
    for (const column of columns) data[at++] = X.data[i * X.cols + column]
  }
  return new Matrix(data, X.rows, columns.length)
}

/** The kernel parameters that each kernel uses. */
const readBy: Record<string, string[]> = {
  linear: [],
  precomputed: [],
  rbf: ['gamma'],
  poly: ['gamma', 'degree', 'coef0'],
  sigmoid: ['gamma', 'coef0'],
}

/** Returns a string that is equal for two candidates exactly if their fits are the same. */
function candidateKey(estimator: SVC, candidate: SvcOptions, columns: number): string {
  const copy = estimator.clone(candidate)
  const { gamma, degree, coef0, ...others } = copy.getParams()
  copy.dispose()
  const kernel = { gamma: gamma === 'auto' ? 1 / columns : gamma, degree, coef0 }
  const read = Object.entries(kernel).filter(([name]) => readBy[others.kernel ?? 'rbf'].includes(name))
  const sorted = (entries: [string, unknown][]) => entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify(sorted([...Object.entries(others), ...read]), (_, value) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? sorted(Object.entries(value))
      : value,
  )
}
