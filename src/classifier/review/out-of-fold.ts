import type { LongCall } from '../../core/call-options.ts'
import { SoftmarginError } from '../../core/errors.ts'
import { dealFolds, type Fold } from '../../core/folds.ts'
import { countCodes, type EncodedLabels, encodeLabels, type Label, rowsOfClasses } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import { crossValidate } from '../../model-selection/cross-validate.ts'
import type { Scale } from '../../preprocessing/feature-scaler.ts'
import type { SVC } from '../../svm/svc.ts'

const FOLDS = 5

/** Decision values of rows from SVMs that were not fitted on these rows. */
export interface OutOfFold<L extends Label = Label> {
  /** Rows x pairs of classes, (0, 1), (0, 2), ..., (1, 2), ..., positive for the first class of the pair. */
  decisions: Float64Array
  labels: EncodedLabels<L>
}

/**
 * The folds by which rows are judged: each class dealt to five folds at random, with a fixed seed.
 *
 * @param unseen if the CNN has learnt from some rows, the others: there is one fold, which holds these out
 */
export function judgingFolds(labels: EncodedLabels, unseen: Int32Array | undefined): Fold[] {
  const rows = Int32Array.from(labels.codes.keys())
  const dealt = unseen
    ? Int32Array.from(rows, () => 0)
    : dealFolds(rowsOfClasses(labels), rows.length, FOLDS, 0)
  for (const row of unseen ?? []) dealt[row] = 1
  const used = unseen ? [1] : [...new Set(dealt)].sort((a, b) => a - b)
  return used.map((held) => ({
    train: rows.filter((row) => dealt[row] !== held),
    test: rows.filter((row) => dealt[row] === held),
  }))
}

/**
 * Cross-validates a classifier and returns the decision values of each row from the SVM of the fold that held the
 * row out. Each fold has its own scaler.
 *
 * @param template the SVC whose options are used; it is not fitted itself
 * @param X unscaled features
 * @param o.unseen as in `judgingFolds`; only these rows are then judged and returned
 * @throws {SoftmarginError} `TOO_FEW_ROWS` if a class has a single row, and the errors of `SVC.fit`
 */
export async function outOfFoldDecisions<L extends Label>(
  template: SVC<L>,
  scale: Scale,
  X: Matrix,
  y: readonly L[],
  { signal, onProgress, unseen }: LongCall & { unseen?: Int32Array | undefined } = {},
): Promise<OutOfFold<L>> {
  const all = encodeLabels(y, 'labels')
  checkTwoOfEach(all)
  const folds = judgingFolds(all, unseen)
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

/**
 * Checks that each class has two rows, so that one can be judged by a fit on the other.
 *
 * @throws {SoftmarginError} `TOO_FEW_ROWS`
 */
export function checkTwoOfEach(labels: EncodedLabels): void {
  const alone = countCodes(labels).indexOf(1)
  if (alone < 0) return
  const message = `each class must have at least 2 images, so that one can be judged by a fit on the others, but ${JSON.stringify(labels.classes[alone])} has 1`
  throw new SoftmarginError('TOO_FEW_ROWS', message, {
    argument: 'labels',
    expected: 'at least 2 images per class',
  })
}
