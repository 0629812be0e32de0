// Leaves each row of a pair of classes out of its problem, one after the other.

import type { DualProblem } from '../../engine/dual/dual-problem.ts'
import { fillSvcProblem } from '../../engine/dual/svc-problem.ts'
import type { RowProvider } from '../../engine/rows/row-provider.ts'
import { seedWithoutPoint } from '../../engine/seeding/left-out.ts'
import type { PairDuals } from '../../engine/seeding/smaller-c.ts'
import type { FitStatus, SearchOptions, Solver, SolverResult } from '../../engine/solver/solver.ts'
import { worseStatus } from '../model/worse-status.ts'

/**
 * Returns the decision value of each row from the solution for all other rows. The pair must have been solved.
 *
 * A row whose dual variable is 0 is no part of the solution, which is then also that of the problem without the row: it
 * keeps its decision value. Only if no row is free (strictly between its bounds), such rows may still bound rho, which is
 * then found anew. The problem is solved again without each of the other rows, from the solution for all, on the kernel
 * values that are in memory.
 *
 * @param bounds upper bounds of the dual variables of the rows of both classes
 * @param o.onLeftOut called after time slices, with the number of rows that are done
 * @returns decision values, positive for the first class; the number of problems solved without a support vector, and the worst status of all. The only
 *   row of a class, without which none of its class is left, gets the margin of the other class.
 * @throws {SoftmarginError} `ABORTED`
 */
export async function leaveEachOut(
  solver: Solver,
  source: RowProvider,
  [ofFirst, ofSecond]: [Float64Array, Float64Array],
  { rho, status: first }: Pick<SolverResult, 'rho' | 'status'>,
  o: SearchOptions & { onLeftOut?: ((rows: number) => void) | undefined },
): Promise<{ unseen: Float64Array; refits: number; status: FitStatus }> {
  const { problem } = solver
  const full: PairDuals = { beta: problem.beta.slice(), gradient: problem.gradient.slice() }
  const isFixed = hasFreePoint(problem)
  const unseen = new Float64Array(ofFirst.length + ofSecond.length)
  const { timeSlice } = o
  let [refits, status, yields] = [0, first, timeSlice.yields]
  for (let row = 0; row < unseen.length; row++) {
    const isFirst = row < ofFirst.length
    const point = isFirst ? row : problem.split + row - ofFirst.length
    const sign = isFirst ? 1 : -1
    if ((isFirst ? ofFirst : ofSecond).length === 1) {
      unseen[row] = -sign
      continue
    }
    // F = K b + p, and p = -y, so f = F + y - rho.
    if (full.beta[point] === 0 && isFixed) {
      unseen[row] = full.gradient[point] + sign - rho
      continue
    }
    problem.clear()
    fillSvcProblem(problem, ofFirst, ofSecond)
    await seedWithoutPoint(problem, source, full, point, timeSlice)
    const result = (await solver.run(o))!
    if (snapToBounds(problem)) result.rho = problem.threshold
    unseen[row] = problem.gradient[point] + sign - result.rho
    status = worseStatus(status, result.status)
    if (full.beta[point] !== 0) refits++
    if (timeSlice.expired) await timeSlice.yield()
    if (timeSlice.yields > yields) {
      yields = timeSlice.yields
      o.onLeftOut?.(row + 1)
    }
  }
  return { unseen, refits, status }
}

/** Whether the dual variable of a point is strictly between its bounds, so that rho does not depend on other points. */
function hasFreePoint({ beta, lower, upper }: DualProblem): boolean {
  return beta.some((b, k) => b > lower[k] && b < upper[k])
}

/**
 * Sets dual variables that miss a bound by no more than rounding errors to the bound: as free ones they would determine
 * rho. Sums of the start from another solution make such errors where a start from 0 reaches the bound exactly.
 *
 * @returns whether there were any
 */
function snapToBounds({ beta, lower, upper }: DualProblem): boolean {
  const largest = beta.reduce((most, b) => Math.max(most, Math.abs(b)), 0)
  const error = 4 * beta.length * 2 ** -53 * largest
  let found = false
  for (let k = 0; k < beta.length; k++) {
    for (const bound of [lower[k], upper[k]]) {
      if (beta[k] === bound || Math.abs(beta[k] - bound) > error) continue
      beta[k] = bound
      found = true
    }
  }
  return found
}
