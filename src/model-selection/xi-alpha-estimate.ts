import type { LongCall } from '../core/call-options.ts'
import { invalidArgument } from '../core/errors.ts'
import { checkLabels, encodeLabels } from '../core/label-codes.ts'
import type { Label } from '../core/labels.ts'
import { Matrix, type MatrixLike } from '../core/matrix.ts'
import type { SvmKernel } from '../engine/kernel/kernel.ts'
import { coefficientRow, pairsOf } from '../engine/kernel/pairs.ts'
import { SVC } from '../svm/svc.ts'
import { earlierDuals } from '../svm/training/earlier-duals.ts'

/** A bound of the leave-one-out error of a fit. */
export interface XiAlphaEstimate {
  /** At most this share of the rows, from 0 to 1, gets a wrong label when it is left out of the fit. */
  errorRate: number
  /** 1 - `errorRate`: at least this share gets the right label. */
  accuracy: number
  /** Numbers of the rows that count as errors, ascending. All others get the right label when they are left out. */
  uncertain: number[]
}

/**
 * The xi-alpha estimate of a fitted SVC: a bound of its leave-one-out error from the fit alone, without another one
 * (T. Joachims, "Estimating the generalization performance of an SVM efficiently", ICML 2000, with rho = 2).
 *
 * A row that is left out gets the right side of a pair of classes if alpha D^2 + xi < 1, where alpha is its dual variable, xi
 * its slack and D the largest distance of two rows in feature space: at most the square root of 2 for the rbf kernel, and
 * less than the sum of the two largest norms for the others. It is certain to get the right label if that holds for all
 * pairs of its class. The bound is pessimistic, often by several times; `leaveOneOut` gives the exact figure. As in the
 * paper, it holds where the solution has support vectors strictly between their bounds that can take over the dual
 * variable of the row, as all but tiny problems have.
 *
 * @param svc a fitted SVC
 * @param X the rows that it was fitted on
 * @param y their labels
 * @param o.onProgress counts rows
 * @throws {SoftmarginError} `NOT_FITTED`; `INVALID_ARGUMENT` if the rows are not those of the fit, and for the sigmoid
 *   kernel, which has no feature space; `SHAPE_MISMATCH`, `NOT_FINITE`, `ABORTED`, `DISPOSED`
 */
export async function xiAlphaEstimate<L extends Label>(
  svc: SVC<L>,
  X: MatrixLike,
  y: ArrayLike<L>,
  o: LongCall = {},
): Promise<XiAlphaEstimate> {
  if (!(svc instanceof SVC)) throw invalidArgument('svc', svc, 'a fitted SVC')
  const { classes, kernel, ...model } = svc.toState()
  if (kernel.kind === 'sigmoid') throw invalidArgument('kernel', 'sigmoid', "'rbf', 'linear' or 'poly'")
  const matrix = Matrix.from(X)
  checkLabels(y, matrix.rows)
  const duals = earlierDuals({ ...model, kernel }, classes, matrix, y, classes)
  if (!duals)
    throw invalidArgument('X', 'other rows', 'the rows that the SVC was fitted on, with their labels')
  const decisions = await svc.decisionFunction(matrix, { ...o, shape: 'ovo' })
  const { codes } = encodeLabels([...classes, ...Array.from(y)])
  const ownCodes = codes.subarray(classes.length)
  const norms = normsOf(matrix, kernel)
  const largest = norms.reduce((most, norm) => Math.max(most, norm), 0)
  // With two classes, SVC answers positive values for the second one.
  const sign = classes.length === 2 ? -1 : 1
  const isUncertain = new Uint8Array(matrix.rows)
  for (const [pair, [i, j]] of pairsOf(classes.length).entries()) {
    for (const [row, code] of ownCodes.entries()) {
      if (code !== i && code !== j) continue
      const [side, line] = code === i ? [1, coefficientRow(i, j)] : [-1, coefficientRow(j, i)]
      const alpha = Math.abs(duals.coefficients[line * matrix.rows + row])
      const xi = Math.max(0, 1 - side * sign * decisions.row(row)[pair])
      const squared = kernel.kind === 'rbf' ? 2 : (norms[row] + largest) ** 2
      if (!(alpha * squared + (alpha > 0 ? xi : 0) < 1)) isUncertain[row] = 1
    }
  }
  const uncertain = [...isUncertain.keys()].filter((row) => isUncertain[row] === 1)
  const errorRate = uncertain.length / matrix.rows
  return { errorRate, accuracy: 1 - errorRate, uncertain }
}

/** The norm of each row in feature space; of a linear kernel around the mean, which makes no difference to an SVC. */
function normsOf(X: Matrix, kernel: SvmKernel): Float64Array {
  const mean = new Float64Array(X.cols)
  if (kernel.kind === 'linear') {
    for (let i = 0; i < X.rows; i++) for (const [k, value] of X.row(i).entries()) mean[k] += value / X.rows
  }
  return Float64Array.from({ length: X.rows }, (_, i) => {
    if (kernel.kind === 'precomputed') return Math.sqrt(Math.max(0, X.row(i)[i]))
    const square = X.row(i).reduce((sum, value, k) => sum + (value - mean[k]) ** 2, 0)
    if (kernel.kind !== 'poly') return Math.sqrt(square)
    const { gamma, coef0, degree } = kernel
    return Math.sqrt(Math.max(0, (gamma * square + coef0) ** degree))
  })
}
