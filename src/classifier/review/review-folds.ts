import { SoftmarginError } from '../../core/errors.ts'
import { dealFolds, type Fold } from '../../core/folds.ts'
import {
  type EncodedLabels,
  encodeLabels,
  type Label,
  rowsOfClasses,
  uniqueLabels,
} from '../../core/labels.ts'
import { StratifiedGroupKFold } from '../../model-selection/splits/stratified-group-k-fold.ts'

const FOLDS = 5

/**
 * Assigns rows to five folds, each of which is judged by a fit on the others. Without groups each class is dealt at
 * random, with a fixed seed; with groups no fold divides one, and there are fewer folds if there are fewer groups.
 *
 * @returns the fold of each row
 * @throws {SoftmarginError} `TOO_FEW_ROWS` if a class has a single row or is in a single group
 */
export function reviewFolds(labels: EncodedLabels, groups?: ArrayLike<Label> | undefined): Int32Array {
  checkTwoOfEach(labels, groups)
  const rows = labels.codes.length
  if (groups === undefined) return dealFolds(rowsOfClasses(labels), rows, FOLDS, 0)
  const y = Array.from(labels.codes, (code) => labels.classes[code])
  const nSplits = Math.min(FOLDS, uniqueLabels(groups, 'groups').length)
  const folds = new StratifiedGroupKFold({ nSplits, shuffle: true }).split(y, y, groups)
  const foldOf = new Int32Array(rows)
  for (const [fold, { test }] of folds.entries()) for (const row of test) foldOf[row] = fold
  return foldOf
}

/**
 * The folds by which rows are judged: those of `reviewFolds`.
 *
 * @param o.unseen if the CNN has learnt from some rows, the others: there is one fold, which holds these out, whatever the
 *   groups
 * @throws {SoftmarginError} `TOO_FEW_ROWS` as `reviewFolds`
 */
export function judgingFolds(
  labels: EncodedLabels,
  { groups, unseen }: { groups?: ArrayLike<Label> | undefined; unseen?: Int32Array | undefined } = {},
): Fold[] {
  const dealt = reviewFolds(labels, groups)
  if (unseen) dealt.fill(0)
  for (const row of unseen ?? []) dealt[row] = 1
  const used = unseen ? [1] : [...new Set(dealt)].sort((a, b) => a - b)
  const rows = Int32Array.from(dealt.keys())
  return used.map((held) => ({
    train: rows.filter((row) => dealt[row] !== held),
    test: rows.filter((row) => dealt[row] === held),
  }))
}

/**
 * Checks before a long computation that `reviewFolds` can deal these labels.
 *
 * @throws {SoftmarginError} `TOO_FEW_ROWS`
 */
export function checkReviewFolds(y: ArrayLike<Label>, groups?: ArrayLike<Label> | undefined): void {
  reviewFolds(encodeLabels(y, 'labels'), groups)
}

function checkTwoOfEach({ classes, codes }: EncodedLabels, groups: ArrayLike<Label> | undefined): void {
  const apart = classes.map(() => new Set<Label>())
  for (const [row, code] of codes.entries()) apart[code].add(groups === undefined ? row : groups[row])
  const alone = apart.findIndex((own) => own.size === 1)
  if (alone < 0) return
  const [what, argument] = groups === undefined ? ['images', 'labels'] : ['groups of images', 'groups']
  const message = `each class must have at least 2 ${what}, so that one can be judged by a fit on the others, but ${JSON.stringify(classes[alone])} has 1`
  throw new SoftmarginError('TOO_FEW_ROWS', message, { argument, expected: `at least 2 ${what} per class` })
}
