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
 * @param growth by how much the bounds are larger than those of the duals
 */
export function seedFromSmallerC(problem: DualProblem, { beta, gradient }: PairDuals, growth: number): void {
  const { beta: target, gradient: F, lower, upper, split } = problem
  let linear = 0
  let quadratic = 0
  for (let k = 0; k < beta.length; k++) {
    // p = -y, so Kb = F + y; y is 1 for the first run.
    linear += Math.abs(beta[k])
    quadratic += beta[k] * (gradient[k] + (k < split ? 1 : -1))
  }
  const t = quadratic > 0 ? Math.max(1, Math.min(growth, linear / quadratic)) : growth
  problem.near = true
  for (let k = 0; k < beta.length; k++) {
    const y = k < split ? 1 : -1
    target[k] = Math.min(Math.max(beta[k] * t, lower[k]), upper[k])
    F[k] = t * (gradient[k] + y) - y
  }
}
