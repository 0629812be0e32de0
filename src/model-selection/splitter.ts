import { invalidArgument } from '../core/errors.ts'
import type { Splitter } from '../core/folds.ts'
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
