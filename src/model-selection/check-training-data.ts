import { checkClasses, checkLabels } from '../core/label-codes.ts'
import { type Label, uniqueLabels } from '../core/labels.ts'
import { checkFiniteRows, checkNotEmpty, Matrix, type MatrixLike } from '../core/matrix.ts'
import { TimeSlice } from '../engine/wasm/time-slice.ts'
import { checkPrecomputedIsSquare } from '../svm/model/resolve-kernel.ts'
import type { SvcParameters } from '../svm/svc.ts'

/**
 * Checks the rows and labels of a cross-validation before the first fit.
 *
 * @param parameters the parameters of every SVC that will be fitted
 * @returns the rows as a matrix
 * @throws {SoftmarginError} `EMPTY_INPUT`, `SHAPE_MISMATCH`, `NOT_FINITE`, `ONE_CLASS`, `INVALID_ARGUMENT`, `ABORTED`
 */
export async function checkTrainingData(
  X: MatrixLike,
  y: ArrayLike<Label>,
  parameters: readonly SvcParameters[],
  signal: AbortSignal | undefined,
): Promise<Matrix> {
  const matrix = Matrix.from(X)
  checkNotEmpty(matrix)
  const timeSlice = new TimeSlice(signal)
  await timeSlice.forEachChunk(matrix.rows, matrix.cols, (from, to) => checkFiniteRows(matrix, from, to))
  checkLabels(y, matrix.rows)
  checkClasses(uniqueLabels(y))
  for (const each of parameters) checkPrecomputedIsSquare(each, matrix)
  return matrix
}
