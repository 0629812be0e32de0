import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import type { Fold } from '../core/folds.ts'
import { countCodes, encodeLabels } from '../core/label-codes.ts'
import { type Label, uniqueLabels } from '../core/labels.ts'
import { Matrix, type MatrixLike } from '../core/matrix.ts'
import type { SVC } from '../svm/svc.ts'
import { checkTrainingData } from './check-training-data.ts'
import { type CrossValOptions, checkCrossValidated } from './cross-val-score.ts'
import { crossValidate, type FittedOnFold } from './cross-validate.ts'
import { leaveOneOut, leavesRowsOut, scaledRows } from './leave-one-out.ts'
import { splitRows, toSplitter } from './splits/splitter.ts'

/** Options of `crossValPredict`. */
export interface CrossValPredictOptions extends CrossValOptions {
  /** What each fitted SVC is asked: its method of that name. Default `'predict'`. */
  method?: 'predict' | 'decisionFunction' | 'predictProba' | undefined
  /** The shape of decision values, as in `SVC.decisionFunction`. Default `'ovr'`. */
  shape?: 'ovr' | 'ovo' | undefined
}

/**
 * Predicts each row by an SVC that was fitted on the other folds, as scikit-learn's `cross_val_predict` does. The rows
 * come back in the order of `X`, the columns in the order of all classes, sorted.
 *
 * @param estimator provides the parameters; it is not fitted itself
 * @param X samples x features, or kernel values for a precomputed kernel
 * @param y one label per row
 * @param o.onProgress counts folds
 * @returns labels, or with another `method` the rows of its matrix. The probability of a class that is not among the
 *   training rows of a fold is 0.
 * @throws {SoftmarginError} as `crossValScore`; `INVALID_ARGUMENT` for `'predictProba'` without `probability`, and if
 *   `cv` does not put each row into exactly one test set; `TOO_FEW_ROWS` for `'decisionFunction'` if the training rows
 *   of a fold lack a class
 */
export async function crossValPredict<L extends Label, Y extends ArrayLike<L>>(
  estimator: SVC<L>,
  X: MatrixLike,
  y: Y,
  o?: CrossValPredictOptions & { method?: 'predict' | undefined },
): Promise<Y[number][]>
export async function crossValPredict<L extends Label>(
  estimator: SVC<L>,
  X: MatrixLike,
  y: ArrayLike<L>,
  o: CrossValPredictOptions & { method: 'decisionFunction' | 'predictProba' },
): Promise<Matrix>
export async function crossValPredict<L extends Label>(
  estimator: SVC<L>,
  X: MatrixLike,
  y: ArrayLike<L>,
  o: CrossValPredictOptions = {},
): Promise<L[] | Matrix> {
  const { method = 'predict', scale, signal } = o
  checkCrossValidated(estimator, scale)
  checkMethod(estimator, o)
  const { cv = 5, groups } = o
  toSplitter(cv)
  const matrix = await checkTrainingData(X, y, [estimator.getParams()], signal)
  if (method !== 'predictProba' && leavesRowsOut(estimator, { cv, groups, scale })) {
    return leaveOut(estimator, await scaledRows(matrix, scale), y, o)
  }
  const folds = await splitRows(cv, matrix, y, groups)
  checkPartition(folds, matrix.rows)
  const classes = uniqueLabels(y)
  const labels = new Array<L>(matrix.rows)
  const rows = new Array<Float32Array>(matrix.rows)
  await crossValidate(matrix, y, folds, {
    scale,
    signal,
    estimatorsOf: () => [
      method === 'predictProba' ? estimator.clone() : estimator.clone({ probability: false }),
    ],
    judge: async (fitted) => {
      const { svc, XTest, test, fold } = fitted
      if (method === 'predict') {
        const predicted = await svc.predict(XTest, { signal })
        for (const [i, row] of test.entries()) labels[row] = predicted[i]
      } else {
        const answers =
          method === 'predictProba'
            ? await probabilities(fitted, classes, o)
            : await decisions(fitted, classes, o)
        for (const [i, row] of test.entries()) rows[row] = answers.row(i)
      }
      o.onProgress?.({ done: fold + 1, total: folds.length })
    },
  })
  return method === 'predict' ? labels : Matrix.from(rows)
}

/** The same as by folds of one row each, without fits that would change nothing. */
async function leaveOut<L extends Label>(
  estimator: SVC<L>,
  X: Matrix,
  y: ArrayLike<L>,
  { method, shape, signal, onProgress }: CrossValPredictOptions,
): Promise<L[] | Matrix> {
  if (method === 'decisionFunction') checkTwoOfEach(y)
  const left = await leaveOneOut(estimator, X, y, { shape, signal, onProgress })
  return method === 'decisionFunction' ? left.decisionValues : left.labels
}

/** @throws {SoftmarginError} `TOO_FEW_ROWS` if a class has one row, without which a fold lacks the class */
function checkTwoOfEach(y: ArrayLike<Label>): void {
  const labels = encodeLabels(y)
  const alone = countCodes(labels).indexOf(1)
  if (alone >= 0) throw lacksClass(labels.codes.indexOf(alone), labels.classes[alone])
}

/** Probabilities with a column for each of all classes. */
async function probabilities<L extends Label>(
  { svc, XTest }: FittedOnFold<L>,
  classes: L[],
  { signal }: CrossValPredictOptions,
): Promise<Matrix> {
  const known = await svc.predictProba(XTest, { signal })
  if (known.cols === classes.length) return known
  const columns = svc.classes.map((label) => classes.indexOf(label))
  const data = new Float32Array(known.rows * classes.length)
  for (let i = 0; i < known.rows; i++) {
    for (const [k, column] of columns.entries()) data[i * classes.length + column] = known.row(i)[k]
  }
  return new Matrix(data, known.rows, classes.length)
}

async function decisions<L extends Label>(
  { svc, XTest, fold }: FittedOnFold<L>,
  classes: L[],
  { shape, signal }: CrossValPredictOptions,
): Promise<Matrix> {
  const missing = classes.find((label) => !svc.classes.includes(label))
  if (missing === undefined) return svc.decisionFunction(XTest, { shape, signal })
  throw lacksClass(fold, missing)
}

function lacksClass(fold: number, missing: Label): SoftmarginError {
  return new SoftmarginError(
    'TOO_FEW_ROWS',
    `decision values need every class among the training rows of each fold, but fold ${fold} lacks ${JSON.stringify(missing)}`,
    { argument: 'cv', received: missing, expected: 'folds whose training rows hold every class' },
  )
}

function checkMethod(estimator: SVC, { method = 'predict', shape }: CrossValPredictOptions): void {
  if (method !== 'predict' && method !== 'decisionFunction' && method !== 'predictProba') {
    throw invalidArgument('method', method, "'predict', 'decisionFunction' or 'predictProba'")
  }
  if (shape !== undefined && shape !== 'ovr' && shape !== 'ovo') {
    throw invalidArgument('shape', shape, "'ovr' or 'ovo'")
  }
  if (method === 'predictProba' && !estimator.getParams().probability) {
    throw invalidArgument(
      'method',
      method,
      "'predict' or 'decisionFunction', as the SVC has no `probability: true`",
    )
  }
}

/** Each row must be in exactly one test set. */
function checkPartition(folds: readonly Fold[], rows: number): void {
  const times = new Int32Array(rows)
  for (const { test } of folds) for (const row of test) times[row]++
  const row = times.findIndex((count) => count !== 1)
  if (row < 0) return
  throw invalidArgument(
    'cv',
    `row ${row} in ${times[row]} test sets`,
    'folds that test each row exactly once',
  )
}
