import type { Label } from './labels.ts'
import { Random } from './random.ts'

/** Row numbers of a training set and of a test set, each ascending. */
export interface Fold {
  train: Int32Array
  test: Int32Array
}

/** Splits rows into folds, such as `StratifiedKFold` and `StratifiedGroupKFold`. */
export interface Splitter {
  /** @param groups the groups that the caller was given, if any, one for each row */
  split(
    X: ArrayLike<unknown> | { rows: number },
    y: ArrayLike<Label>,
    groups?: ArrayLike<Label> | undefined,
  ): Fold[] | Promise<Fold[]>
}

/**
 * Assigns the rows of each group to folds, at random but as evenly as possible.
 *
 * @returns the fold of each of `rows` rows, or -1 for rows in no group
 */
export function dealFolds(
  groups: Int32Array[],
  rows: number,
  folds: number,
  randomState: number,
): Int32Array {
  const random = new Random(randomState)
  const fold = new Int32Array(rows).fill(-1)
  let dealt = 0
  for (const group of groups) for (const row of random.shuffle(group.slice())) fold[row] = dealt++ % folds
  return fold
}
