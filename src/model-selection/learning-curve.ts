import type { LongCall } from '../core/call-options.ts'
import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import { exp, log } from '../core/exp-log.ts'
import type { Splitter } from '../core/folds.ts'
import { checkClasses, checkLabels, encodeLabels } from '../core/label-codes.ts'
import type { Label } from '../core/labels.ts'
import { Matrix, type MatrixLike } from '../core/matrix.ts'
import type { Scale } from '../preprocessing/feature-scaler.ts'
import { checkScale } from '../preprocessing/fit-feature-scaler.ts'
import type { SVC } from '../svm/svc.ts'
import { crossValidate } from './cross-validate.ts'
import { splitRows } from './splits/splitter.ts'

/** Accuracies by number of training rows. */
export interface LearningCurve {
  /** Mean numbers of training rows, ascending. */
  trainSizes: number[]
  /** Cross-validated accuracy with each number. */
  testScores: number[]
  /**
   * The accuracies that may be expected with the numbers of training rows `extrapolateTo`: the rate of errors is taken
   * to be a power of their number, a line in the logarithms of both, which is fitted to the curve.
   */
  extrapolated: { trainSize: number; score: number }[]
}

/** Options of `learningCurve`. */
export interface LearningCurveOptions extends LongCall {
  /** Shares of the training rows of each fold, above 0 and at most 1. Default a quarter, a half and all. */
  trainSizes?: readonly number[] | undefined
  /** Numbers of training rows to guess the accuracy for, 1 or more. Default as many as `X` has, and twice as many. */
  extrapolateTo?: readonly number[] | undefined
  /** Number of folds or a splitter. Default 5. */
  cv?: number | Splitter | undefined
  /** How features are scaled, by a scaler fitted on the training rows of each fold. Default `'none'`. */
  scale?: Scale | undefined
  /** The group of each row, which no fold divides. Default: no groups. */
  groups?: ArrayLike<Label> | undefined
}

/**
 * Cross-validates an SVC with fewer and more training rows, as scikit-learn's `learning_curve` does, and fits a power law
 * by which the accuracy with other numbers of rows may be guessed. The share is taken of each class.
 *
 * @param estimator provides the parameters; it is not fitted itself
 * @param X samples x features
 * @param y one label per row
 * @param o.onProgress counts fits
 * @throws {SoftmarginError} as `crossValScore`; `TOO_FEW_ROWS` also if the smallest share would leave two sizes equal
 */
export async function learningCurve<L extends Label>(
  estimator: SVC<L>,
  X: MatrixLike,
  y: ArrayLike<L>,
  o: LearningCurveOptions = {},
): Promise<LearningCurve> {
  const { trainSizes = [0.25, 0.5, 1], cv = 5, scale = 'none', signal, onProgress } = o
  for (const share of trainSizes) {
    if (!(share > 0 && share <= 1)) throw invalidArgument('trainSizes', share, 'shares above 0 and at most 1')
  }
  checkScale(scale)
  const matrix = Matrix.from(X)
  const { extrapolateTo = [matrix.rows, 2 * matrix.rows] } = o
  for (const rows of extrapolateTo) {
    if (!(Number.isFinite(rows) && rows >= 1))
      throw invalidArgument('extrapolateTo', rows, 'numbers of 1 or more')
  }
  checkLabels(y, matrix.rows)
  const { classes, codes } = encodeLabels(y)
  checkClasses(classes)
  const folds = await splitRows(cv, matrix, y, o.groups)
  const points: { size: number; score: number }[] = []
  let done = 0
  for (const share of [...trainSizes].sort((a, b) => a - b)) {
    const parts = folds.map(({ train, test }) => ({ train: partOf(train, codes, share), test }))
    let right = 0
    await crossValidate(matrix, y, parts, {
      scale,
      signal,
      estimatorsOf: () => [estimator.clone({ probability: false })],
      judge: async ({ svc, XTest, yTest }) => {
        const predicted = await svc.predict(XTest, { signal })
        right += predicted.filter((label, i) => label === yTest[i]).length
        onProgress?.({ done: ++done, total: trainSizes.length * folds.length })
      },
    })
    const tested = parts.reduce((sum, { test }) => sum + test.length, 0)
    const size = parts.reduce((sum, { train }) => sum + train.length, 0) / parts.length
    points.push({ size, score: right / tested })
  }
  for (let i = 1; i < points.length; i++) {
    if (points[i].size > points[i - 1].size) continue
    const message = `a learning curve needs different numbers of training rows, but two shares of ${matrix.rows} rows in ${classes.length} classes are ${points[i].size} rows`
    throw new SoftmarginError('TOO_FEW_ROWS', message, { argument: 'trainSizes' })
  }
  const expected = powerLaw(points, matrix.rows)
  return {
    trainSizes: points.map(({ size }) => size),
    testScores: points.map(({ score }) => score),
    extrapolated: extrapolateTo.map((trainSize) => ({ trainSize, score: expected(trainSize) })),
  }
}

/** The first rows of each class, at least two of each where there are two. */
function partOf(train: Int32Array, codes: Int32Array, share: number): Int32Array {
  if (share === 1) return train
  const counts = new Map<number, number>()
  for (const row of train) counts.set(codes[row], (counts.get(codes[row]) ?? 0) + 1)
  const left = new Map([...counts].map(([code, count]) => [code, Math.max(2, Math.round(share * count))]))
  return train.filter((row) => {
    const more = left.get(codes[row])!
    left.set(codes[row], more - 1)
    return more > 0
  })
}

/** The line through the logarithms of sizes and error rates; an error rate of 0 counts as half a row. */
function powerLaw(points: readonly { size: number; score: number }[], rows: number) {
  const xs = points.map(({ size }) => log(size))
  const ys = points.map(({ score }) => log(Math.max(1 - score, 0.5 / rows)))
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [mean(xs), mean(ys)]
  const square = xs.reduce((sum, value) => sum + (value - x) ** 2, 0)
  const slope = square === 0 ? 0 : xs.reduce((sum, value, i) => sum + (value - x) * (ys[i] - y), 0) / square
  // More rows are never expected to do harm.
  return (size: number) => 1 - Math.min(1, exp(y + Math.min(0, slope) * (log(size) - x)))
}
