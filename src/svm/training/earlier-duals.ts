// Which earlier fit a new one may start from (`warmStart`).

import type { Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { EarlierDuals } from '../../engine/seeding/earlier-fit.ts'
import type { FittedModel } from '../model/fitted-model.ts'

/**
 * Returns the duals of an earlier model if each of its support vectors is the row of X with its number and has the
 * same label. Otherwise returns undefined: a single row that differs shows that the fit was on other data.
 *
 * With a precomputed kernel there are no vectors to compare, so only the labels are checked.
 */
export function earlierDuals(
  model: FittedModel,
  labels: readonly Label[],
  X: Matrix,
  y: ArrayLike<Label>,
  classes: readonly Label[],
): EarlierDuals | undefined {
  const { support, supportVectors, nSupport, dualCoef } = model
  if (supportVectors.cols > 0 && supportVectors.cols !== X.cols) return undefined
  for (let c = 0, s = 0; c < labels.length; c++) {
    for (const end = s + nSupport[c]; s < end; s++) {
      const row = support[s]
      if (row < 0 || row >= X.rows || y[row] !== labels[c]) return undefined
      const vector = supportVectors.row(s)
      for (let k = 0; k < vector.length; k++) if (vector[k] !== X.data[row * X.cols + k]) return undefined
    }
  }
  const lines = labels.length - 1
  const coefficients = new Float64Array(lines * X.rows)
  for (let line = 0; line < lines; line++) {
    for (let s = 0; s < support.length; s++) {
      coefficients[line * X.rows + support[s]] = dualCoef[line * support.length + s]
    }
  }
  return { classes: Int32Array.from(classes, (label) => labels.indexOf(label)), coefficients, rows: X.rows }
}
