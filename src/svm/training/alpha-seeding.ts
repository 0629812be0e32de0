// Alpha seeding: starts a fit from the dual coefficients of an earlier one.

import type { Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { DualProblem } from '../../engine/dual/dual-problem.ts'
import type { Run } from '../../engine/kernel/runs.ts'
import type { FittedModel } from '../model/fitted-model.ts'

/** Dual coefficients of an earlier fit, arranged by the rows and classes of a new one. */
export interface SeedDuals {
  /** For each class its number in the earlier fit, or -1 if it is new. */
  classes: Int32Array
  /** In LIBSVM's layout, (earlier classes - 1) x rows of X. */
  coefficients: Float64Array
  /** Number of rows of X. */
  rows: number
}

/**
 * Returns the duals of an earlier model if each of its support vectors is the row of X with its number and has the
 * same label. Otherwise returns undefined: a single row that differs shows that the fit was on other data.
 *
 * With a precomputed kernel there are no vectors to compare, so only the labels are checked.
 */
export function seedDualsFrom(
  machine: FittedModel,
  labels: readonly Label[],
  X: Matrix,
  y: ArrayLike<Label>,
  classes: readonly Label[],
): SeedDuals | undefined {
  const { support, supportVectors, nSupport, dualCoef } = machine
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

/**
 * Sets b of a pair's problem to the earlier solution, clipped to the new bounds. As b must sum to 0, the class with
 * the larger sum is scaled down.
 */
export function seedPair(
  problem: DualProblem,
  first: Run,
  groups: Int32Array[],
  [i, j]: [number, number],
  { classes, coefficients, rows }: SeedDuals,
  unit: number,
): void {
  if (classes[i] < 0 || classes[j] < 0) return
  const { beta, lower, upper } = problem
  const plant = (at: number, group: Int32Array, line: number) => {
    let sum = 0
    for (let k = 0; k < group.length; k++) {
      const b = coefficients[line * rows + group[k]] / unit
      beta[at + k] = Math.min(Math.max(b, lower[at + k]), upper[at + k])
      sum += beta[at + k]
    }
    return sum
  }
  const above = plant(0, groups[i], classes[j] - 1)
  const below = -plant(first.size, groups[j], classes[i])
  const least = Math.min(above, below)
  const shrink = (at: number, length: number, sum: number) => {
    for (let k = at; k < at + length; k++) beta[k] = least > 0 ? beta[k] * (least / sum) : 0
  }
  if (above > least || least === 0) shrink(0, groups[i].length, above)
  if (below > least || least === 0) shrink(first.size, groups[j].length, below)
}
