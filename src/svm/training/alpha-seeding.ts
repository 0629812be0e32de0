import type { Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { DualProblem } from '../../engine/dual/dual-problem.ts'
import type { Run } from '../../engine/kernel/runs.ts'
import type { FittedModel } from '../model/fitted-model.ts'

/** The duals that an earlier fit ended with, for the rows and classes of a new one. */
export interface SeedDuals {
  /** For each class its number in the earlier fit, -1 if it is new. */
  classes: Int32Array
  /** LIBSVM's layout, (earlier classes - 1) x rows of X. */
  coefficients: Float64Array
  /** Rows of X. */
  rows: number
}

/**
 * The duals of an earlier machine, if its support vectors are rows of X, each with the number and the label that
 * it had; else nothing: a single row that moved says that the rows are others.
 *
 * Kernel values that were precomputed are no rows that could be compared: there the labels alone decide.
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
 * Sets b of a pair's problem to what the earlier fit found, brought into the new bounds. The sum of b must stay 0:
 * the side that weighs more is made smaller.
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
