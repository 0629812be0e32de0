import type { Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import { TimeSlice } from '../../engine/wasm/time-slice.ts'
import type { Scale } from '../../preprocessing/feature-scaler.ts'
import type { SVC } from '../../svm/svc.ts'
import { calibrate, fitCalibration } from './calibration.ts'
import type { ReviewCall } from './out-of-fold.ts'

/** A training image whose label may be wrong. */
export interface Suspect<L extends Label = Label> {
  /** Number of the image among those that the classifier has learnt from, in their order. */
  index: number
  /** The label that it has. */
  label: L
  /** The label that fits of the other images find most probable. */
  suggested: L
  /** The probability, 0 to 1, that its label is wrong, by fits that have not seen it. */
  score: number
}

/**
 * Lists the rows for which fits on the other rows prefer another label, the most suspect first (confident learning:
 * Northcutt, Jiang, Chuang, JAIR 70, 2021, ranked by the out-of-fold probability of the given label).
 *
 * @param template the SVC whose options are used
 * @param X unscaled features
 * @throws {SoftmarginError} `TOO_FEW_ROWS` if a class has a single row or group, and the errors of `SVC.fit`
 */
export async function suspectRows<L extends Label>(
  template: SVC<L>,
  scale: Scale,
  X: Matrix,
  y: readonly L[],
  call: ReviewCall = {},
): Promise<Suspect<L>[]> {
  const { outOfFoldDecisions } = await import('./out-of-fold.ts')
  const judged = await outOfFoldDecisions(template, scale, X, y, call)
  const { classes, codes } = judged.labels
  const calibration = await fitCalibration(judged, new TimeSlice(call.signal))
  const probabilities = calibrate(judged.decisions, classes.length, calibration)
  const suspects: Suspect<L>[] = []
  for (const [index, code] of codes.entries()) {
    const row = probabilities.subarray(index * classes.length, (index + 1) * classes.length)
    const best = row.indexOf(Math.max(...row))
    if (best !== code)
      suspects.push({ index, label: y[index], suggested: classes[best], score: 1 - row[code] })
  }
  return suspects.sort((a, b) => b.score - a.score || a.index - b.index)
}
