import type { Label } from './labels.ts'
import { Random } from './random.ts'

/** Rows to fit on and rows to judge on, as ascending row numbers. */
export interface Fold {
  train: Int32Array
  test: Int32Array
}

/** Anything that divides rows into folds. */
export interface Splitter {
  split(X: ArrayLike<unknown> | { rows: number }, y: ArrayLike<Label>): Fold[] | Promise<Fold[]>
}

/**
 * Deals the rows of each group out to folds, at random but as evenly as they go.
 *
 * @returns the fold of each of `rows` rows, -1 for those in no group
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
