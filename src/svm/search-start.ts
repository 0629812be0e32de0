// Where the fits of a search start from. They need not take LIBSVM's path: only its end is asked for.

import type { Run } from '../engine/packed-rows.ts'
import type { DualProblem } from '../engine/problem.ts'
import type { SvcParameters } from './parameters.ts'

/** The duals of a pair that were long to find, or came from such: worth starting from. */
export interface Dual {
  beta: Float64Array
  gradient: Float64Array
  parameters: SvcParameters
}

/** Duals of a smaller C are a start if nothing else differs. */
export function isSeed(dual: Dual | undefined, { classWeight }: SvcParameters): boolean {
  return (
    dual !== undefined &&
    JSON.stringify(dual.parameters.classWeight ?? null) === JSON.stringify(classWeight ?? null)
  )
}

/**
 * Starts from the duals of a smaller C, made t times as large: of all t that the new bounds allow the one with
 * the least objective.
 */
export function plantDual(
  problem: DualProblem,
  { beta, gradient }: Dual,
  split: number,
  growth: number,
): void {
  let linear = 0
  let quadratic = 0
  for (let k = 0; k < beta.length; k++) {
    // p = -y, so Kb = F + y.
    linear += Math.abs(beta[k])
    quadratic += beta[k] * (gradient[k] + (k < split ? 1 : -1))
  }
  const t = quadratic > 0 ? Math.max(1, Math.min(growth, linear / quadratic)) : growth
  problem.near = true
  const target = problem.beta
  const { gradient: F, lower, upper } = problem
  for (let k = 0; k < beta.length; k++) {
    const y = k < split ? 1 : -1
    target[k] = Math.min(Math.max(beta[k] * t, lower[k]), upper[k])
    F[k] = t * (gradient[k] + y) - y
  }
}

/** Points of each class that tell whether an even start is worth its products. */
const SAMPLE = 8
/** An even start is taken if a point's dual would be at least this share of what it were alone. */
const ALONE = 0.5

/**
 * Where the points hardly see each other (an rbf kernel with a large gamma), all of a class have nearly the same
 * dual: starts there, at the best multiple. Otherwise leaves the problem at 0.
 */
export function plantEvenly(problem: DualProblem, first: Run, second: Run): void {
  const { lower, upper } = problem
  const less = Math.min(first.count, second.count)
  const a = less / first.count
  const b = less / second.count
  const multiple = (step: number) => {
    for (let k = 0; k < first.count; k += step)
      problem.addRow(k, (a * first.count) / Math.ceil(first.count / step))
    for (let k = 0; k < second.count; k += step) {
      problem.addRow(first.size + k, (-b * second.count) / Math.ceil(second.count / step))
    }
    const F = problem.gradient
    let quadratic = 0
    for (let k = 0; k < first.count; k++) quadratic += a * (F[k] + 1)
    for (let k = 0; k < second.count; k++) quadratic -= b * (F[first.size + k] - 1)
    return (2 * less) / quadratic
  }
  const reset = () => {
    problem.gradient.fill(-1, 0, first.count).fill(1, first.size, first.size + second.count)
  }
  const rough = multiple(Math.max(1, Math.floor(less / SAMPLE)))
  reset()
  if (!(rough * problem.meanDiagonal >= ALONE)) return
  const t = Math.min(multiple(1), upper[0] / a, -lower[first.size] / b)
  const F = problem.gradient
  const { beta } = problem
  for (let k = 0; k < first.count; k++) {
    F[k] = t * (F[k] + 1) - 1
    beta[k] = Math.min(t * a, upper[k])
  }
  for (let k = first.size; k < first.size + second.count; k++) {
    F[k] = t * (F[k] - 1) + 1
    beta[k] = Math.max(-t * b, lower[k])
  }
  problem.near = true
}
