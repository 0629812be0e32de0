// Starts a fit from the solution for a smaller C (D. DeCoste, K. Wagstaff, "Alpha seeding for support vector machines",
// KDD 2000). Unlike `SVC.fit`, a search need not follow LIBSVM's path; only the solution matters.

import type { DualProblem } from '../dual/dual-problem.ts'

/** The solution of a pair for some C: b, and the gradient F = K b + p. */
export interface PairDuals {
  beta: Float64Array
  gradient: Float64Array
}

/**
 * Starts from the duals for a smaller C, multiplied by t. Of all t that the new bounds allow, takes the one with the
 * least objective.
 *
 * @param split number of points of the first class, whose p is -1; p of the others is 1
 * @param growth by how much the bounds are larger than those of the duals
 */
export function seedFromSmallerC(
  problem: DualProblem,
  { beta, gradient }: PairDuals,
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
