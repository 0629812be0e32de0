// Starts a fit from the dual coefficients of an earlier one (`warmStart`).

import type { DualProblem } from '../dual/dual-problem.ts'
import type { RowProvider } from '../rows/row-provider.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'

/** Dual coefficients of an earlier fit, arranged by the rows and classes of a new one. */
export interface EarlierDuals {
  /** For each class its number in the earlier fit, or -1 if it is new. */
  classes: Int32Array
  /** In LIBSVM's layout, (earlier classes - 1) x rows of X. */
  coefficients: Float64Array
  /** Number of rows of X. */
  rows: number
}

/**
 * Sets b of a pair's problem to the earlier solution, clipped to the new bounds. As b must sum to 0, the class with
 * the larger sum is scaled down.
 */
export function seedFromEarlier(
  problem: DualProblem,
  groups: Int32Array[],
  [i, j]: [number, number],
  { classes, coefficients, rows }: EarlierDuals,
  unit: number,
): void {
  if (classes[i] < 0 || classes[j] < 0) return
  const { beta, lower, upper, split } = problem
  const copy = (at: number, group: Int32Array, line: number) => {
    let sum = 0
    for (let k = 0; k < group.length; k++) {
      const b = coefficients[line * rows + group[k]] / unit
      beta[at + k] = Math.min(Math.max(b, lower[at + k]), upper[at + k])
      sum += beta[at + k]
    }
    return sum
  }
  const above = copy(0, groups[i], classes[j] - 1)
  const below = -copy(split, groups[j], classes[i])
  const least = Math.min(above, below)
  const shrink = (at: number, length: number, sum: number) => {
    for (let k = at; k < at + length; k++) beta[k] = least > 0 ? beta[k] * (least / sum) : 0
  }
  if (above > least || least === 0) shrink(0, groups[i].length, above)
  if (below > least || least === 0) shrink(split, groups[j].length, below)
}

/**
 * Adds K b to the gradient, which so far is p, loading missing rows.
 *
 * @throws {SoftmarginError} `ABORTED`
 */
export async function addKernelProducts(
  problem: DualProblem,
  source: RowProvider,
  timeSlice: TimeSlice,
): Promise<void> {
  const points = [...problem.beta.keys()].filter((k) => problem.beta[k] !== 0)
  const { firstRow } = problem
  const present = points.filter((k) => firstRow[k] !== 0)
  const missing = points.filter((k) => firstRow[k] === 0)
  for (const k of present) {
    problem.addRow(k)
    if (timeSlice.expired) await timeSlice.yield()
  }
  for (let from = 0; from < missing.length; from += source.batch) {
    const batch = missing.slice(from, from + source.batch)
    await source.load(problem, batch, timeSlice)
    for (const k of batch) problem.addRow(k)
    if (timeSlice.expired) await timeSlice.yield()
  }
}

/** Multiplies b by the factor of at least 1 that minimises the objective within the bounds. `p`: the linear term. */
export function scaleToOptimum(problem: DualProblem, p: Float64Array): void {
  const { beta, gradient, lower, upper } = problem
  let linear = 0
  let quadratic = 0
  let most = Number.POSITIVE_INFINITY
  for (let k = 0; k < beta.length; k++) {
    if (beta[k] === 0) continue
    linear -= beta[k] * p[k]
    quadratic += beta[k] * (gradient[k] - p[k])
    most = Math.min(most, (beta[k] > 0 ? upper[k] : lower[k]) / beta[k])
  }
  const factor = Math.min(quadratic > 0 ? linear / quadratic : 1, most)
  if (!(factor > 1)) return
  for (let k = 0; k < beta.length; k++) {
    beta[k] = Math.min(Math.max(beta[k] * factor, lower[k]), upper[k])
    gradient[k] = p[k] + factor * (gradient[k] - p[k])
  }
}
