import type { LongCall } from '../../core/call-options.ts'
import type { Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import { TimeSlice } from '../../engine/wasm/time-slice.ts'
import type { Scale } from '../../preprocessing/feature-scaler.ts'
import { SVC } from '../../svm/svc.ts'
import { agreeWith, fitCalibration, temper } from './calibration.ts'
import { outOfFoldDecisions, type ReviewCall } from './out-of-fold.ts'

/** An SVC with a sigmoid for each pair of classes, and the power to which its coupled probabilities are raised. */
export interface CalibratedSvc<L extends Label> {
  svc: SVC<L>
  power: number
}

/**
 * Gives a fitted SVC probabilities that come from out-of-fold decision values: five more SVMs are fitted, each on four
 * fifths of the rows, and judge the rows that they have not seen.
 *
 * @param svc a fitted SVC without probabilities; it is disposed of
 * @param X the unscaled rows that it was fitted on
 * @param call.unseen if the CNN has learnt from some rows, the others: one SVM is fitted on the rows that it has learnt
 *   from, and judges these
 * @returns an SVC with the same decision values
 * @throws {SoftmarginError} `TOO_FEW_ROWS` if a class has a single row or group, and the errors of `SVC.fit`; `svc` is then
 *   disposed of, too
 */
export async function calibrateSvc<L extends Label>(
  svc: SVC<L>,
  scale: Scale,
  X: Matrix,
  y: readonly L[],
  call: ReviewCall = {},
): Promise<CalibratedSvc<L>> {
  try {
    const judged = await outOfFoldDecisions(svc, scale, X, y, call)
    const { sigmoids, power } = await fitCalibration(judged, new TimeSlice(call.signal))
    const { options, ...state } = svc.toState()
    return { svc: SVC.fromState({ ...state, sigmoids, options: { ...options, probability: true } }), power }
  } finally {
    svc.dispose()
  }
}

/**
 * Probabilities of a calibrated SVC, rows x classes: those of `SVC.predictProba`, tempered, with the label that
 * `predict` gives as the most probable one.
 */
export async function calibratedProba<L extends Label>(
  { svc, power }: CalibratedSvc<L>,
  X: Matrix,
  predicted: readonly L[],
  call: LongCall = {},
): Promise<Matrix> {
  const { classes } = svc
  const codes = new Map(classes.map((label, code) => [label, code]))
  const rows = await svc.predictProba(X, call)
  temper(rows.data, classes.length, power)
  agreeWith(
    rows.data,
    classes.length,
    predicted.map((label) => codes.get(label)!),
  )
  return rows
}
