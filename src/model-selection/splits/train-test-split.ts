import { invalidArgument, SoftmarginError } from '../../core/errors.ts'
import { checkLabels, countCodes, encodeLabels } from '../../core/label-codes.ts'
import type { Label } from '../../core/labels.ts'
import { Matrix } from '../../core/matrix.ts'
import { Random } from '../../core/random.ts'
import { type Sizes, splitGroups } from './split-groups.ts'

/** The two parts, as properties or as an array in scikit-learn's order. */
export type TrainTestSplit<T, L extends Label = Label> = [XTrain: T, XTest: T, yTrain: L[], yTest: L[]] & {
  XTrain: T
  XTest: T
  yTrain: L[]
  yTest: L[]
  /** The row numbers in `X` of the rows of `XTrain`, in its order. */
  trainRows: Int32Array
  /** The row numbers in `X` of the rows of `XTest`, in its order. */
  testRows: Int32Array
}

export interface TrainTestSplitOptions {
  /** Share of the rows in the test set, between 0 and 1 (rounded up), or their number, 1 or more. Default 0.25. */
  testSize?: number | undefined
  /**
   * Whether to keep the class proportions in both parts: `true` for the classes in `y`, or other labels to use.
   * Default false.
   */
  stratify?: boolean | ArrayLike<Label> | undefined
  /**
   * The group of each row, a string or a number. Rows of one group, such as pictures of one object or near-duplicates,
   * end up in the same part; the test set then has about, not exactly, the size that was asked for. Default: no groups.
   */
  groups?: ArrayLike<Label> | undefined
  /** Seed of the shuffling, an integer from 0 to 2^32 - 1. Default 0, so that the same call gives the same split. */
  randomState?: number | undefined
}

/**
 * Shuffles rows and labels together and splits them into a training and a test set.
 *
 * The sizes, also those of each class when stratified, are scikit-learn's. The assignment of rows comes from our own
 * seeded generator and is the same on every host.
 *
 * @param X a `Matrix` (its rows are copied) or any list, for example of images
 * @param y one label per row
 * @throws {SoftmarginError} `TOO_FEW_ROWS` if a part would be empty; when stratified, if a class has only one row
 *   or a part has fewer rows than there are classes; with groups, if there are fewer than two, or, when stratified, if
 *   all rows of a class would be in the test set; `SHAPE_MISMATCH`, `EMPTY_INPUT`, `INVALID_ARGUMENT`
 */
export function trainTestSplit<Y extends ArrayLike<Label>>(
  X: Matrix,
  y: Y,
  o?: TrainTestSplitOptions,
): TrainTestSplit<Matrix, Y[number]>
export function trainTestSplit<T, Y extends ArrayLike<Label> = ArrayLike<Label>>(
  X: ArrayLike<T>,
  y: Y,
  o?: TrainTestSplitOptions,
): TrainTestSplit<T[], Y[number]>
export function trainTestSplit<T, L extends Label>(
  X: Matrix | ArrayLike<T>,
  y: ArrayLike<L>,
  o: TrainTestSplitOptions = {},
): TrainTestSplit<Matrix | T[], L> {
  if (X === null || typeof X !== 'object' || !(X instanceof Matrix || typeof X.length === 'number')) {
    throw invalidArgument('X', X, 'a Matrix or an array')
  }
  const rows = X instanceof Matrix ? X.rows : X.length
  checkLabels(y, rows)
  const sizes = sideSizes(rows, o.testSize ?? 0.25)
  const random = new Random(o.randomState ?? 0)
  const stratify = o.stratify === true ? y : o.stratify || undefined
  const [trainRows, testRows] =
    o.groups !== undefined
      ? splitGroups(o.groups, stratify, sizes, random)
      : stratify
        ? stratified(stratify, sizes, random)
        : shuffled(sizes, random)

  const pick = (side: Int32Array) => (X instanceof Matrix ? X.select(side) : Array.from(side, (i) => X[i]))
  const labels = (side: Int32Array) => Array.from(side, (i) => y[i])
  const parts = {
    XTrain: pick(trainRows),
    XTest: pick(testRows),
    yTrain: labels(trainRows),
    yTest: labels(testRows),
  }
  const tuple: [Matrix | T[], Matrix | T[], L[], L[]] = [parts.XTrain, parts.XTest, parts.yTrain, parts.yTest]
  return Object.assign(tuple, parts, { trainRows, testRows })
}

function sideSizes(rows: number, testSize: number): Sizes {
  const isShare = testSize > 0 && testSize < 1
  if (!isShare && !(Number.isInteger(testSize) && testSize >= 1)) {
    throw invalidArgument('testSize', testSize, 'a share between 0 and 1, or a number of rows of 1 or more')
  }
  const test = isShare ? Math.ceil(testSize * rows) : testSize
  if (test >= rows) {
    throw new SoftmarginError(
      'TOO_FEW_ROWS',
      `testSize must leave rows for training, but ${testSize} takes ${test} of the ${rows} rows`,
      { argument: 'testSize', received: testSize, expected: `fewer than ${rows} rows` },
    )
  }
  return { train: rows - test, test }
}

function shuffled({ train, test }: Sizes, random: Random): [Int32Array, Int32Array] {
  const order = random.shuffle(Int32Array.from({ length: train + test }, (_, i) => i))
  return [order.slice(test), order.slice(0, test)]
}

function stratified(y: ArrayLike<Label>, sizes: Sizes, random: Random): [Int32Array, Int32Array] {
  checkLabels(y, sizes.train + sizes.test, 'stratify')
  const encoded = encodeLabels(y, 'stratify')
  const { classes, codes } = encoded
  const counts = countCodes(encoded)
  const rarest = counts.indexOf(Math.min(...counts))
  if (counts[rarest] < 2) {
    throw tooFew(
      `a stratified split needs at least 2 rows of each class, but ${named(classes[rarest])} has 1`,
    )
  }
  for (const [side, size] of Object.entries(sizes)) {
    if (size < classes.length) {
      throw tooFew(
        `a stratified split needs at least one row of each class in both sets, but the ${side} set has ${size} rows for ${classes.length} classes`,
      )
    }
  }

  const trainCounts = drawCounts(counts, sizes.train, random)
  const testCounts = drawCounts(
    counts.map((count, k) => count - trainCounts[k]),
    sizes.test,
    random,
  )
  const train: number[] = []
  const test: number[] = []
  for (let k = 0; k < classes.length; k++) {
    const rows: number[] = []
    codes.forEach((code, row) => {
      if (code === k) rows.push(row)
    })
    random.shuffle(rows)
    rows.slice(0, trainCounts[k]).forEach((row) => {
      train.push(row)
    })
    rows.slice(trainCounts[k], trainCounts[k] + testCounts[k]).forEach((row) => {
      test.push(row)
    })
  }
  return [random.shuffle(Int32Array.from(train)), random.shuffle(Int32Array.from(test))]
}

/**
 * Returns how many of `draws` rows come from each class: each class's share rounded down, and the remaining rows to
 * the largest remainders, with ties broken at random (scikit-learn's `_approximate_mode`).
 */
function drawCounts(counts: Int32Array, draws: number, random: Random): Int32Array {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const shares = Array.from(counts, (count) => (count / total) * draws)
  const floored = Int32Array.from(shares, Math.floor)
  let missing = draws - floored.reduce((sum, count) => sum + count, 0)
  const remainders = shares.map((share, k) => share - floored[k])
  for (const remainder of [...new Set(remainders)].sort((a, b) => b - a)) {
    const equal = [...remainders.keys()].filter((k) => remainders[k] === remainder)
    for (const k of random.shuffle(equal).slice(0, missing)) {
      floored[k]++
      missing--
    }
  }
  return floored
}

function named(label: Label): string {
  return JSON.stringify(label)
}

function tooFew(message: string): SoftmarginError {
  return new SoftmarginError('TOO_FEW_ROWS', message, { argument: 'stratify' })
}
