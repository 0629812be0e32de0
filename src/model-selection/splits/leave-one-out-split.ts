import { invalidArgument, SoftmarginError } from '../../core/errors.ts'
import type { Fold, Splitter } from '../../core/folds.ts'
import { checkClasses, checkLabels, countCodes, encodeLabels } from '../../core/label-codes.ts'
import type { Label } from '../../core/labels.ts'

/**
 * Splits rows into as many folds as there are rows: each has one row to test. The folds are those of scikit-learn's
 * `LeaveOneOut`.
 *
 * `crossValScore` and `crossValPredict` take far fewer fits than rows for it, see `leaveOneOut`.
 */
export class LeaveOneOut implements Splitter {
  /**
   * Returns the folds. Fold i has row i in its `test`, and all others in its `train`.
   *
   * @param X the rows; only their number is used
   * @param y one label per row
   * @param groups must be undefined: a row is not left out together with its group
   * @throws {SoftmarginError} `TOO_FEW_ROWS` if there are two classes and one has a single row, without which one class is
   *   left; `ONE_CLASS`, `SHAPE_MISMATCH`, `EMPTY_INPUT`, `INVALID_ARGUMENT`
   */
  split(
    X: ArrayLike<unknown> | { rows: number },
    y: ArrayLike<Label>,
    groups?: ArrayLike<Label> | undefined,
  ): Fold[] {
    const rows = 'rows' in X ? X.rows : X.length
    checkLabels(y, rows)
    checkLeaveOneOut(y, groups)
    const all = Int32Array.from({ length: rows }, (_, row) => row)
    return Array.from(all, (left) => ({
      train: all.filter((row) => row !== left),
      test: Int32Array.of(left),
    }))
  }
}

/**
 * Checks that each row can be left out.
 *
 * @throws {SoftmarginError} as `LeaveOneOut.split`
 */
export function checkLeaveOneOut(y: ArrayLike<Label>, groups?: ArrayLike<Label> | undefined): void {
  if (groups !== undefined) {
    throw invalidArgument('groups', groups, 'undefined with LeaveOneOut, which leaves out single rows')
  }
  const labels = encodeLabels(y)
  const { classes } = labels
  checkClasses(classes)
  const alone = classes.length === 2 ? countCodes(labels).indexOf(1) : -1
  if (alone < 0) return
  const message = `each of two classes must have at least 2 rows, so that one can be left out, but ${JSON.stringify(classes[alone])} has 1`
  throw new SoftmarginError('TOO_FEW_ROWS', message, {
    argument: 'y',
    received: 1,
    expected: 'at least 2 rows of each class',
  })
}
