import { invalidArgument } from '../../core/errors.ts'
import type { Fold, Splitter } from '../../core/folds.ts'
import type { Label } from '../../core/labels.ts'
import { StratifiedGroupKFold } from './stratified-group-k-fold.ts'
import { StratifiedKFold } from './stratified-k-fold.ts'

/**
 * Returns the splitter that the option `cv` names: a number of folds, or the splitter itself.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`
 */
export function toSplitter(cv: number | Splitter): Splitter {
  if (typeof cv === 'object' && typeof cv?.split === 'function') return cv
  if (!Number.isInteger(cv) || (cv as number) < 2) {
    throw invalidArgument('cv', cv, 'an integer of 2 or more, or a splitter')
  }
  return new StratifiedKFold({ nSplits: cv as number })
}

/**
 * Splits rows as the option `cv` says. With groups, a number means a `StratifiedGroupKFold` of as many folds, and a
 * splitter is given the groups.
 *
 * @throws {SoftmarginError} those of the splitter
 */
export async function splitRows(
  cv: number | Splitter,
  X: ArrayLike<unknown> | { rows: number },
  y: ArrayLike<Label>,
  groups: ArrayLike<Label> | undefined,
): Promise<Fold[]> {
  const splitter = toSplitter(cv)
  if (groups === undefined) return splitter.split(X, y)
  const grouped = typeof cv === 'number' ? new StratifiedGroupKFold({ nSplits: cv }) : splitter
  return grouped.split(X, y, groups)
}
