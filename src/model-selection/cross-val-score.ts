import type { LongCall } from '../core/call-options.ts'
import { invalidArgument } from '../core/errors.ts'
import type { Splitter } from '../core/folds.ts'
import type { Label } from '../core/labels.ts'
import type { MatrixLike } from '../core/matrix.ts'
import type { Scale } from '../preprocessing/feature-scaler.ts'
import { checkScale } from '../preprocessing/fit-feature-scaler.ts'
import { SVC } from '../svm/svc.ts'
import { checkTrainingData } from './check-training-data.ts'
import { crossValidate } from './cross-validate.ts'
import { evaluateCandidates } from './evaluate-candidates.ts'
import { leaveOneOut, leavesRowsOut, scaledRows } from './leave-one-out.ts'
import { type Scoring, toScorer } from './scoring.ts'
import { splitRows, toSplitter } from './splits/splitter.ts'

/** Options that `crossValScore` and `crossValPredict` share. */
export interface CrossValOptions extends LongCall {
  /**
   * Number of folds for a `StratifiedKFold` without shuffling, or a splitter. Default 5. `new LeaveOneOut()` takes far
   * fewer fits than rows where `leaveOneOut` gives the same.
   */
  cv?: number | Splitter | undefined
  /**
   * The group of each row, a string or a number: rows of one group, such as pictures of one object or near-duplicates,
   * are never both fitted and judged. A number of folds then means a `StratifiedGroupKFold`. Default: no groups.
   */
  groups?: ArrayLike<Label> | undefined
  /**
   * How features are scaled before the SVM, by a scaler that is fitted on the training rows of each fold:
   * `'standard'`, `'l2'` or `'none'`. Default `'none'`.
   */
  scale?: Scale | undefined
}

/** Options of `crossValScore`. */
export interface CrossValScoreOptions<L extends Label = Label> extends CrossValOptions {
  /** The score of a fold. Default `'accuracy'`. */
  scoring?: Scoring<L> | undefined
}

/**
 * Cross-validates an SVC: fits it on the training rows of each fold and scores its predictions on the others. Folds and
 * scores are those of scikit-learn's `cross_val_score`.
 *
 * @param estimator provides the parameters; it is not fitted itself
 * @param X samples x features, or kernel values for a precomputed kernel
 * @param y one label per row
 * @param o.onProgress counts folds
 * @returns a score for each fold
 * @throws {SoftmarginError} `TOO_FEW_ROWS` if a class has fewer rows than there are folds, `ONE_CLASS`, `EMPTY_INPUT`,
 *   `SHAPE_MISMATCH`, `NOT_FINITE`, `INVALID_ARGUMENT`, `ABORTED`, `OUT_OF_MEMORY`
 */
export async function crossValScore<L extends Label>(
  estimator: SVC<L>,
  X: MatrixLike,
  y: ArrayLike<L>,
  o: CrossValScoreOptions<L> = {},
): Promise<Float64Array> {
  const { scale, signal, onProgress } = o
  checkCrossValidated(estimator, scale)
  const scorer = toScorer<L>(o.scoring ?? 'accuracy')
  const { cv = 5, groups } = o
  toSplitter(cv)
  const matrix = await checkTrainingData(X, y, [estimator.getParams()], signal)
  if (leavesRowsOut(estimator, { cv, groups, scale })) {
    const { labels } = await leaveOneOut(estimator, await scaledRows(matrix, scale), y, {
      signal,
      onProgress,
    })
    return Float64Array.from(labels, (label, row) => scorer([y[row]], [label]))
  }
  const folds = await splitRows(cv, matrix, y, groups)
  if (scale === undefined || scale === 'none') {
    // Without a scaler of its own for each fold, the folds can share one matrix of dot products.
    const {
      scores: [scores],
    } = await evaluateCandidates([estimator.getParams()], matrix, y, folds, {
      signal,
      onProgress,
      scorer,
    })
    return scores
  }
  const scores = new Float64Array(folds.length)
  await crossValidate(matrix, y, folds, {
    scale,
    signal,
    estimatorsOf: () => [estimator.clone({ probability: false })],
    judge: async ({ svc, XTest, yTest, fold }) => {
      scores[fold] = scorer(yTest, await svc.predict(XTest, { signal }))
      onProgress?.({ done: fold + 1, total: folds.length })
    },
  })
  return scores
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` */
export function checkCrossValidated(estimator: unknown, scale: Scale | undefined): void {
  if (!(estimator instanceof SVC)) throw invalidArgument('estimator', estimator, 'an SVC')
  if (scale !== undefined) checkScale(scale)
  if (scale !== undefined && scale !== 'none' && estimator.getParams().kernel === 'precomputed') {
    throw invalidArgument('scale', scale, "'none', as X holds the values of a precomputed kernel")
  }
}
