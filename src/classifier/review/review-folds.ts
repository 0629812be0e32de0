import { SoftmarginError } from '../../core/errors.ts'
import { dealFolds, type Fold } from '../../core/folds.ts'
import { type EncodedLabels, encodeLabels, rowsOfClasses } from '../../core/label-codes.ts'
import { type Label, uniqueLabels } from '../../core/labels.ts'
import { StratifiedGroupKFold } from '../../model-selection/splits/stratified-group-k-fold.ts'

const FOLDS = 5

/**
 * The folds by which rows are judged: the rows of each are judged by a fit on the others. Without groups each class is
 * dealt to five folds at random, with a fixed seed; with groups no fold divides one, and there are fewer folds if there
 * are fewer groups.
 *
 * @param o.unseen if the CNN has learnt from some rows, the others: there is one fold, which holds these out
 * @throws {SoftmarginError} `TOO_FEW_ROWS` if a class has a single row or is in a single group
 */
export function reviewFolds(
  labels: EncodedLabels,
  { groups, unseen }: { groups?: ArrayLike<Label> | undefined; unseen?: Int32Array | undefined } = {},
): Fold[] {
  checkTwoOfEach(labels, groups)
  if (unseen) return [holdOut(unseen, labels.codes.length)]
  if (groups === undefined) return dealtFolds(labels)
  const y = Array.from(labels.codes, (code) => labels.classes[code])
  const nSplits = Math.min(FOLDS, uniqueLabels(groups, 'groups').length)
  return [...new StratifiedGroupKFold({ nSplits, shuffle: true }).split(y, y, groups)]
}

function holdOut(test: Int32Array, rows: number): Fold {
  const held = new Set(test)
  return { train: Int32Array.from({ length: rows }, (_, row) => row).filter((row) => !held.has(row)), test }
}

function dealtFolds(labels: EncodedLabels): Fold[] {
  const rows = Int32Array.from(labels.codes.keys())
  const dealt = dealFolds(rowsOfClasses(labels), rows.length, FOLDS, 0)
  const used = [...new Set(dealt)].sort((a, b) => a - b)
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
  reviewFolds(encodeLabels(y, 'labels'), { groups })
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
