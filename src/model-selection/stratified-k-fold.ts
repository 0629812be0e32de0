import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import type { Fold, Splitter } from '../core/folds.ts'
import { checkClasses, checkLabels, countCodes, encodeLabels, type Label } from '../core/labels.ts'
import { Random } from '../core/random.ts'

/**
 * Divides rows into folds that hold each class in the proportion of the whole.
 *
 * Without shuffling, the folds are those of scikit-learn's `StratifiedKFold`, row for row.
 */
export class StratifiedKFold implements Splitter {
  readonly nSplits: number
  readonly shuffle: boolean
  readonly randomState: number

  /**
   * @param o.nSplits number of folds, 2 or more. Default 5.
   * @param o.shuffle shuffle the rows of each class before they are dealt out. Default false.
   * @param o.randomState seed of the shuffling, 0 to 2^32 - 1. Default 0.
   * @throws {SoftmarginError} `INVALID_ARGUMENT`
   */
  constructor(
    o: { nSplits?: number | undefined; shuffle?: boolean | undefined; randomState?: number | undefined } = {},
  ) {
    this.nSplits = o.nSplits ?? 5
    this.shuffle = o.shuffle ?? false
    this.randomState = o.randomState ?? 0
    if (!Number.isInteger(this.nSplits) || this.nSplits < 2) {
      throw invalidArgument('nSplits', o.nSplits, 'an integer of 2 or more')
    }
    if (typeof this.shuffle !== 'boolean') throw invalidArgument('shuffle', o.shuffle, 'true or false')
    new Random(this.randomState)
  }

  /**
   * The folds: each row is in the `test` of exactly one.
   *
   * @param X rows; only their number counts
   * @param y one label a row
   * @throws {SoftmarginError} `TOO_FEW_ROWS` if a class has fewer rows than there are folds (with the class and
   *   its rows), `ONE_CLASS`, `SHAPE_MISMATCH`, `EMPTY_INPUT`, `INVALID_ARGUMENT`
   */
  split(X: ArrayLike<unknown> | { rows: number }, y: ArrayLike<Label>): Fold[] {
    checkLabels(y, 'rows' in X ? X.rows : X.length)
    const testFold = this.#assign(y)
    return Array.from({ length: this.nSplits }, (_, fold) => {
      const rows = Int32Array.from(testFold.keys())
      return {
        train: rows.filter((row) => testFold[row] !== fold),
        test: rows.filter((row) => testFold[row] === fold),
      }
    })
  }

  /** For each row, the fold in whose test it is. */
  #assign(y: ArrayLike<Label>): Int32Array {
    const { nSplits } = this
    const encoded = encodeLabels(y)
    checkClasses(encoded.classes)
    const counts = countCodes(encoded)
    counts.forEach((count, k) => {
      if (count < nSplits) throw tooFewRows(encoded.classes[k], count, nSplits)
    })

    // scikit-learn's way: lay the rows out class after class, classes in the order in which they first occur,
    // and deal that line out like cards. That says how many rows of each class a fold gets; within a class the
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
    `y must have at least ${nSplits} rows of each class, one for each fold, but has ${count} of ${JSON.stringify(label)}`,
    {
      argument: 'y',
      received: count,
      expected: `at least ${nSplits} rows of class ${JSON.stringify(label)}`,
    },
  )
}
