import { throwIfAborted } from '../core/errors.ts'
import type { Fold } from '../core/folds.ts'
import type { Label } from '../core/labels.ts'
import { Matrix } from '../core/matrix.ts'
import type { Scale } from '../preprocessing/feature-scaler.ts'
import { fitFeatureScaler } from '../preprocessing/fit-feature-scaler.ts'
import type { SVC } from '../svm/svc.ts'

/** An SVC that was fitted on the training rows of a fold, and the rows that it has not seen. */
export interface FittedOnFold<L extends Label = Label> {
  svc: SVC<L>
  /** The test rows, scaled as the training rows were; for a precomputed kernel, test rows x training rows. */
  XTest: Matrix
  yTest: L[]
  /** Row numbers of the test rows. */
  test: Int32Array
  /** Index of the fold, and of the SVC among those of the fold. */
  fold: number
  index: number
}

/**
 * The loop of every cross-validation whose fits do not share a Gram matrix: fits SVCs on the `train` of each fold, one
 * after the other, and hands each, with the rows of `test`, to `judge`.
 *
 * @param o.estimatorsOf makes the SVCs to fit on a fold; they are disposed of after `judge`
 * @param o.scale how features are scaled, by a scaler that is fitted on the training rows of each fold. Default: not
 * @param o.judge must await whatever it asks of the SVC
 * @throws {SoftmarginError} `ABORTED`, and the errors of `SVC.fit` and of `judge`
 */
export async function crossValidate<L extends Label>(
  X: Matrix,
  y: ArrayLike<L>,
  folds: readonly Fold[],
  o: {
    estimatorsOf(fold: number): SVC<L>[]
    judge(fitted: FittedOnFold<L>): Promise<void>
    scale?: Scale | undefined
    signal?: AbortSignal | undefined
  },
): Promise<void> {
  const { signal, scale = 'none' } = o
  const labelsOf = (rows: Int32Array) => Array.from(rows, (row) => y[row])
  for (const [fold, { train, test }] of folds.entries()) {
    const estimators = o.estimatorsOf(fold)
    if (estimators.length === 0) continue
    const known = X.select(train)
    const scaler = await fitFeatureScaler(scale, known)
    const rows = { train: await scaler.transform(known), test: await scaler.transform(X.select(test)) }
    const [yTrain, yTest] = [labelsOf(train), labelsOf(test)]
    for (const [index, svc] of estimators.entries()) {
      throwIfAborted(signal)
      // A precomputed kernel needs the kernel values between the rows and the training rows.
      const isPrecomputed = svc.getParams().kernel === 'precomputed'
      const XTrain = isPrecomputed ? selectColumns(rows.train, train) : rows.train
      const XTest = isPrecomputed ? selectColumns(rows.test, train) : rows.test
      try {
        // Warnings are dropped: an imprecise fit shows in its score, and the fit on all rows warns of it.
        await svc.fit(XTrain, yTrain, { signal, onWarning: () => {} })
        await o.judge({ svc, XTest, yTest, test, fold, index })
      } finally {
        svc.dispose()
      }
    }
  }
}

function selectColumns(X: Matrix, columns: Int32Array): Matrix {
  const data = new Float32Array(X.rows * columns.length)
  for (let i = 0, at = 0; i < X.rows; i++) {
    for (const column of columns) data[at++] = X.data[i * X.cols + column]
  }
  return new Matrix(data, X.rows, columns.length)
}
