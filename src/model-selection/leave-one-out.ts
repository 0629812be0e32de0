import type { LongCall, Warned } from '../core/call-options.ts'
import { invalidArgument } from '../core/errors.ts'
import type { Splitter } from '../core/folds.ts'
import type { Label } from '../core/labels.ts'
import type { Matrix, MatrixLike } from '../core/matrix.ts'
import { decisionMatrix } from '../engine/decision/decision-matrix.ts'
import { vote } from '../engine/decision/voting.ts'
import type { FitStatus } from '../engine/solver/solver.ts'
import { accuracyScore } from '../metrics/metrics.ts'
import type { Scale } from '../preprocessing/feature-scaler.ts'
import { fitFeatureScaler } from '../preprocessing/fit-feature-scaler.ts'
import type { SampleWeight } from '../svm/model/sample-weight.ts'
import { SVC } from '../svm/svc.ts'
import { checkTrainingData } from './check-training-data.ts'
import { checkLeaveOneOut, LeaveOneOut } from './splits/leave-one-out-split.ts'

/** Options of `leaveOneOut`. */
export interface LeaveOneOutOptions extends LongCall, Warned {
  /** The shape of decision values, as in `SVC.decisionFunction`. Default `'ovr'`. */
  shape?: 'ovr' | 'ovo' | undefined
  /** A factor of C for each row, as in `SVC.fit`. */
  sampleWeight?: SampleWeight | undefined
}

/** What SVCs that were fitted without a row find for it. */
export interface LeaveOneOutResult<L extends Label = Label> {
  /** The label of each row that the SVC fitted on all other rows predicts, in the order of the rows. */
  labels: L[]
  /** Its decision values, rows x 1 for two classes, otherwise rows x classes or, for `'ovo'`, rows x pairs. */
  decisionValues: Matrix
  /** The share of rows that are labelled correctly, from 0 to 1. */
  accuracy: number
  /**
   * Number of problems of two classes that were solved again, without one row each. Separate fits without each row would
   * have to solve `problems`: as many as there are rows, for each other class.
   */
  refits: number
  problems: number
  /** Why the solver stopped: the worst status of all problems. */
  fitStatus: FitStatus
}

/**
 * Leave-one-out from one fit: predicts each row by an SVC that was fitted on all others, with far fewer fits than rows.
 *
 * A row that is no support vector does not change the solution, so that it keeps the decision values of the fit on all
 * rows. For a support vector the problems of its class are solved again without it, starting from the solution for all
 * rows, on the same kernel values. The result is that of separate fits, within `tol`. The values that an SVC computes from
 * its rows are those of all rows: gamma `'scale'` and class weights `'balanced'`. With a kernel that is not positive
 * semidefinite (sigmoid, or precomputed values of that kind) problems have several solutions; the one that is found is near
 * the solution for all rows.
 *
 * @param estimator provides the parameters; it is not fitted itself
 * @param X samples x features, or kernel values for a precomputed kernel
 * @param y one label per row
 * @param o.onWarning called if the fit on all rows has `fitStatus` `'imprecise'`
 * @param o.onProgress counts rows, once for each pair of their class with another one
 * @throws {SoftmarginError} `TOO_FEW_ROWS` if there are two classes and one has a single row; `INVALID_ARGUMENT`,
 *   `ONE_CLASS`, `EMPTY_INPUT`, `SHAPE_MISMATCH`, `NOT_FINITE`, `ABORTED`, `OUT_OF_MEMORY`
 */
export async function leaveOneOut<L extends Label, Y extends ArrayLike<L>>(
  estimator: SVC<L>,
  X: MatrixLike,
  y: Y,
  o: LeaveOneOutOptions = {},
): Promise<LeaveOneOutResult<Y[number]>> {
  if (!(estimator instanceof SVC)) throw invalidArgument('estimator', estimator, 'an SVC')
  const { shape = 'ovr', signal } = o
  if (shape !== 'ovr' && shape !== 'ovo') throw invalidArgument('shape', shape, "'ovr' or 'ovo'")
  const parameters = { ...estimator.getParams(), probability: false }
  const matrix = await checkTrainingData(X, y, [parameters], signal)
  checkLeaveOneOut(y)
  // Loaded on demand, because programs that only predict do not need it.
  const { leaveEachRowOut } = await import('../svm/training/left-out-decisions.ts')
  const left = await leaveEachRowOut<Y[number]>(matrix, y, parameters, o)
  const { classes, decisions, refits, problems, fitStatus } = left
  const labels = Array.from(vote(decisions, classes.length), (code) => classes[code])
  const decisionValues = decisionMatrix(decisions, classes.length, shape)
  return { labels, decisionValues, accuracy: accuracyScore(y, labels), refits, problems, fitStatus }
}

/**
 * Whether `leaveOneOut` gives what folds of one row each would: nothing but the solution depends on which rows a fold has,
 * and there is one solution.
 */
export function leavesRowsOut(
  estimator: SVC,
  { cv, groups, scale }: { cv: number | Splitter; groups?: unknown; scale?: Scale | undefined },
): boolean {
  if (!(cv instanceof LeaveOneOut) || groups !== undefined || scale === 'standard') return false
  const { kernel, gamma, classWeight } = estimator.getParams()
  if (kernel === 'precomputed' || kernel === 'sigmoid' || classWeight === 'balanced') return false
  return gamma !== 'scale' || kernel === 'linear'
}

/** Rows that a scaler changes one by one: it is the same for every fold. */
export async function scaledRows(X: Matrix, scale: Scale = 'none'): Promise<Matrix> {
  return (await fitFeatureScaler(scale, X)).transform(X)
}
