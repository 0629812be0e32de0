import { invalidArgument } from '../core/errors.ts'
import { checkLabels } from '../core/label-codes.ts'
import { type Label, uniqueLabels } from '../core/labels.ts'

/**
 * Counts of true against predicted classes: `matrix[i][j]` rows of class `labels[i]` were predicted as `labels[j]`.
 */
export type ConfusionMatrix<L extends Label = Label> = number[][] & {
  /** The classes in the order of the rows and of the columns. */
  labels: L[]
}

/**
 * Returns the share of rows whose predicted label is the true one, from 0 to 1.
 *
 * @throws {SoftmarginError} `EMPTY_INPUT`, `SHAPE_MISMATCH`, `INVALID_ARGUMENT`
 */
export function accuracyScore(yTrue: ArrayLike<Label>, yPred: ArrayLike<Label>): number {
  checkPair(yTrue, yPred)
  let right = 0
  for (let i = 0; i < yTrue.length; i++) if (yTrue[i] === yPred[i]) right++
  return right / yTrue.length
}

/**
 * Computes the confusion matrix, classes x classes: rows are true classes, columns predicted ones.
 *
 * @param o.labels the classes and their order; rows with other labels are not counted. Default: every label in
 *   `yTrue` or `yPred`, sorted.
 * @throws {SoftmarginError} `EMPTY_INPUT`, `SHAPE_MISMATCH`, `INVALID_ARGUMENT`
 */
export function confusionMatrix<L extends Label>(
  yTrue: ArrayLike<L>,
  yPred: ArrayLike<L>,
  o?: { labels?: readonly L[] | undefined },
): ConfusionMatrix<L>
export function confusionMatrix(
  yTrue: ArrayLike<Label>,
  yPred: ArrayLike<Label>,
  o?: { labels?: readonly Label[] | undefined },
): ConfusionMatrix
export function confusionMatrix(
  yTrue: ArrayLike<Label>,
  yPred: ArrayLike<Label>,
  o: { labels?: readonly Label[] | undefined } = {},
): ConfusionMatrix {
  const labels = labelsOf(yTrue, yPred, o.labels)
  const position = new Map(labels.map((label, i) => [label, i]))
  const counts = labels.map(() => new Array<number>(labels.length).fill(0))
  for (let i = 0; i < yTrue.length; i++) {
    const row = position.get(yTrue[i])
    const column = position.get(yPred[i])
    if (row !== undefined && column !== undefined) counts[row][column]++
  }
  return Object.assign(counts, { labels })
}

/** Checks both label lists and returns the classes to report on, in order. */
export function labelsOf<L extends Label>(
  yTrue: ArrayLike<L>,
  yPred: ArrayLike<L>,
  labels: readonly L[] | undefined,
): L[] {
  checkPair(yTrue, yPred)
  const either = [...uniqueLabels(yTrue, 'yTrue'), ...uniqueLabels(yPred, 'yPred')]
  if (typeof yPred[0] !== typeof yTrue[0]) {
    throw invalidArgument('yPred[0]', yPred[0], `a ${typeof yTrue[0]}, like yTrue[0]`)
  }
  if (labels === undefined) return uniqueLabels(either)
  if (!Array.isArray(labels) || labels.length === 0 || new Set(labels).size !== labels.length) {
    throw invalidArgument('labels', labels, 'an array of distinct labels')
  }
  uniqueLabels(labels, 'labels')
  return [...labels]
}

function checkPair(yTrue: ArrayLike<Label>, yPred: ArrayLike<Label>): void {
  checkLabels(yTrue, yTrue?.length, 'yTrue')
  checkLabels(yPred, yTrue.length, 'yPred', 'yTrue')
}
