import type { DualProblem } from './dual-problem.ts'

/**
 * Fills in the dual problem of a C-SVC, which must be newly started: p = -y, and b = y alpha between 0 and y times the
 * bound of the point. The first run is the class with y = 1.
 *
 * @param ofFirst upper bound of alpha for each point of the first run, without padding
 * @param ofSecond the same for the second run
 */
export function fillSvcProblem(
  { gradient, lower, upper, split }: DualProblem,
  ofFirst: Float64Array,
  ofSecond: Float64Array,
): void {
  gradient.fill(-1, 0, ofFirst.length)
  upper.set(ofFirst)
  gradient.fill(1, split, split + ofSecond.length)
  lower.set(
    ofSecond.map((bound) => -bound),
    split,
  )
}
