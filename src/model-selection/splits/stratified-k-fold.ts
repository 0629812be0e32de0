import { SoftmarginError } from '../../core/errors.ts'
import type { Fold, Splitter } from '../../core/folds.ts'
import { checkClasses, checkLabels, countCodes, encodeLabels } from '../../core/label-codes.ts'
import type { Label } from '../../core/labels.ts'
import { Random } from '../../core/random.ts'
import { foldsFrom, type KFoldOptions, kFoldOptions } from './k-fold-options.ts'

/**
 * Splits rows into folds that preserve the class proportions.
 *
 * Without shuffling, the folds are those of scikit-learn's `StratifiedKFold`, row for row.
 */
export class StratifiedKFold implements Splitter {
  readonly nSplits: number
  readonly shuffle: boolean
  readonly randomState: number

  /**
   * @param o.nSplits number of folds, 2 or more. Default 5.
   * @param o.shuffle whether to shuffle the rows of each class before assigning them to folds. Default false.
   * @param o.randomState seed of the shuffling, an integer from 0 to 2^32 - 1. Default 0.
   * @throws {SoftmarginError} `INVALID_ARGUMENT`
   */
  constructor(o: KFoldOptions = {}) {
    const { nSplits, shuffle, randomState } = kFoldOptions(o)
    this.nSplits = nSplits
    this.shuffle = shuffle
    this.randomState = randomState
  }

  /**
   * Returns the folds. Each row is in the `test` of exactly one.
   *
   * @param X the rows; only their number is used
   * @param y one label per row
   * @param _groups ignored, as in scikit-learn; use `StratifiedGroupKFold` for groups
   * @throws {SoftmarginError} `TOO_FEW_ROWS` if a class has fewer rows than there are folds (the message names the
   *   class and its number of rows), `ONE_CLASS`, `SHAPE_MISMATCH`, `EMPTY_INPUT`, `INVALID_ARGUMENT`
   */
  split(
    X: ArrayLike<unknown> | { rows: number },
    y: ArrayLike<Label>,
    _groups?: ArrayLike<Label> | undefined,
  ): Fold[] {
    checkLabels(y, 'rows' in X ? X.rows : X.length)
    return foldsFrom(this.#assign(y), this.nSplits)
  }

  /** Returns for each row the fold whose test set it belongs to. */
  #assign(y: ArrayLike<Label>): Int32Array {
    const { nSplits } = this
    const encoded = encodeLabels(y)
    checkClasses(encoded.classes)
    const counts = countCodes(encoded)
    counts.forEach((count, k) => {
      if (count < nSplits) throw tooFewRows(encoded.classes[k], count, nSplits)
    })

    // As in scikit-learn: line the rows up class by class, with the classes in the order of their first row, and
    // assign them to the folds in turn. This gives the number of rows of each class in each fold; within a class, the
    // first rows then go to the first fold.
    const order = classesByFirstRow(encoded.codes, counts.length)
    const foldsOfClass = new Map<number, number[]>()
    const random = new Random(this.randomState)
    let dealt = 0
    for (const k of order) {
      const share = new Array<number>(nSplits).fill(0)
      for (let i = 0; i < counts[k]; i++) share[dealt++ % nSplits]++
      const folds = share.flatMap((rows, fold) => new Array<number>(rows).fill(fold))
      foldsOfClass.set(k, this.shuffle ? random.shuffle(folds) : folds)
    }
    const taken = new Int32Array(counts.length)
    return encoded.codes.map((k) => foldsOfClass.get(k)![taken[k]++])
  }
}

function classesByFirstRow(codes: Int32Array, classes: number): number[] {
  const first = Array.from({ length: classes }, (_, k) => codes.indexOf(k))
  return [...first.keys()].sort((a, b) => first[a] - first[b])
}

function tooFewRows(label: Label, count: number, nSplits: number): SoftmarginError {
  return new SoftmarginError(
    'TOO_FEW_ROWS',
    `y must have at least ${nSplits} rows of each class, one for each fold, but has ${count} of class ${JSON.stringify(label)}`,
    {
      argument: 'y',
      received: count,
      expected: `at least ${nSplits} rows of class ${JSON.stringify(label)}`,
    },
  )
}
