import type { LongCall } from '../../core/call-options.ts'
import { type EncodedLabels, encodeLabels } from '../../core/label-codes.ts'
import type { Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import { crossValidate } from '../../model-selection/cross-validate.ts'
import type { Scale } from '../../preprocessing/feature-scaler.ts'
import type { SVC } from '../../svm/svc.ts'
import { reviewFolds } from './review-folds.ts'

/** Options of the analyses that judge each row by fits on other rows. */
export interface ReviewCall extends LongCall {
  /** The group of each row, which no fold divides. Default: no groups. */
  groups?: ArrayLike<Label> | undefined
  /**
   * If the CNN has learnt from some rows, the others: these alone are judged, by one fit on the rows that it has learnt
   * from. Default: all rows are judged.
   */
  unseen?: Int32Array | undefined
}

/** Decision values of rows from SVMs that were not fitted on these rows. */
export interface OutOfFold<L extends Label = Label> {
  /** Rows x pairs of classes, (0, 1), (0, 2), ..., (1, 2), ..., positive for the first class of the pair. */
  decisions: Float64Array
  labels: EncodedLabels<L>
}

/**
 * Cross-validates a classifier and returns the decision values of each row from the SVM of the fold that held the
 * row out. The folds are those of `reviewFolds`, and each has its own scaler.
 *
 * @param template the SVC whose options are used; it is not fitted itself
 * @param X unscaled features
 * @param call.unseen as in `reviewFolds`; only these rows are then judged and returned
 * @throws {SoftmarginError} `TOO_FEW_ROWS` if a class has a single row or group, and the errors of `SVC.fit`
 */
export async function outOfFoldDecisions<L extends Label>(
  template: SVC<L>,
  scale: Scale,
  X: Matrix,
  y: readonly L[],
  { groups, signal, onProgress, unseen }: ReviewCall = {},
): Promise<OutOfFold<L>> {
  const all = encodeLabels(y, 'labels')
  const folds = reviewFolds(all, { groups, unseen })
  const judged = folds.flatMap(({ test }) => [...test]).sort((a, b) => a - b)
  const places = new Map(judged.map((row, place) => [row, place]))
  const pairs = (all.classes.length * (all.classes.length - 1)) / 2
  const decisions = new Float64Array(judged.length * pairs)
  await crossValidate(X, y, folds, {
    scale,
    signal,
    estimatorsOf: () => [template.clone({ probability: false })],
    judge: async ({ svc, XTest, test, fold }) => {
      const answers = await svc.decisionFunction(XTest, { shape: 'ovo', signal })
      // With two classes, SVC answers positive values for the second one.
      const sign = pairs === 1 ? -1 : 1
      for (const [i, row] of test.entries()) {
        const at = places.get(row)! * pairs
        for (const [pair, value] of answers.row(i).entries()) decisions[at + pair] = sign * value
      }
      onProgress?.({ done: fold + 1, total: folds.length })
    },
  })
  return {
    decisions,
    labels: { classes: all.classes, codes: Int32Array.from(judged, (row) => all.codes[row]) },
  }
}
