// Starts a fit without one point from the solution for all points (D. DeCoste, K. Wagstaff, "Alpha seeding for support
// vector machines", KDD 2000; J.-H. Lee, C.-J. Lin, "Automatic model selection for support vector machines", 2000).

import type { DualProblem } from '../dual/dual-problem.ts'
import type { RowProvider } from '../rows/row-provider.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import type { PairDuals } from './smaller-c.ts'

/**
 * Fixes b of a point at 0, and starts the others from the solution for all points. As b must sum to 0, what the point
 * had goes to points of its class, the most similar ones first; if their bounds leave no room for it, points of the other
 * class give as much back.
 *
 * @param problem filled in, with the bounds of all points
 * @param full the solution for all points
 * @param point a point of a class that has others
 * @throws {SoftmarginError} `ABORTED`
 */
export async function seedWithoutPoint(
  problem: DualProblem,
  source: RowProvider,
  full: PairDuals,
  point: number,
  timeSlice: TimeSlice,
): Promise<void> {
  problem.beta.set(full.beta)
  problem.gradient.set(full.gradient)
  problem.lower[point] = problem.upper[point] = 0
  problem.near = true
  const amount = full.beta[point]
  if (amount === 0) return
  await move(problem, source, point, -amount, timeSlice)
  const { split, size } = problem
  const isFirst = point < split
  const own: [number, number] = isFirst ? [0, split] : [split, size]
  const other: [number, number] = isFirst ? [split, size] : [0, split]
  let left = amount
  for (const range of [own, other]) {
    if (left === 0) return
    const distances = await distancesFrom(problem, source, point, range, timeSlice)
    while (left !== 0) {
      const nearest = nearestWithRoom(problem, distances, range, left)
      if (nearest < 0) break
      const { lower, upper, beta } = problem
      const bound = left > 0 ? upper[nearest] : lower[nearest]
      const room = bound - beta[nearest]
      const isFull = Math.abs(room) <= Math.abs(left)
      const step = isFull ? room : left
      await move(problem, source, nearest, step, timeSlice)
      // A sum might miss the bound by a rounding error.
      if (isFull) problem.beta[nearest] = bound
      left -= step
    }
  }
}

/** Changes b of a point by `step`, and the gradient with it. */
async function move(
  problem: DualProblem,
  source: RowProvider,
  point: number,
  step: number,
  timeSlice: TimeSlice,
): Promise<void> {
  if (problem.firstRow[point] === 0) await source.load(problem, [point], timeSlice)
  problem.beta[point] += step
  problem.addRow(point, step)
}

/** |x - x_j|^2 in feature space, but for a constant, of the points in a range. */
async function distancesFrom(
  problem: DualProblem,
  source: RowProvider,
  point: number,
  [from, to]: [number, number],
  timeSlice: TimeSlice,
): Promise<Float64Array> {
  if (problem.firstRow[point] === 0) await source.load(problem, [point], timeSlice)
  const products = problem.kernelRow(point, from)
  const diagonal = problem.diagonal.subarray(from, to)
  return Float64Array.from(diagonal, (square, j) => square - 2 * products[j])
}

/** The nearest point whose b can move towards the sign of `left`; -1 if there is none. */
function nearestWithRoom(
  { lower, upper, beta }: DualProblem,
  distances: Float64Array,
  [from]: [number, number],
  left: number,
): number {
  let nearest = -1
  let least = Number.POSITIVE_INFINITY
  for (let j = 0; j < distances.length; j++) {
    const k = from + j
    const hasRoom = left > 0 ? beta[k] < upper[k] : beta[k] > lower[k]
    if (!hasRoom || !(distances[j] < least)) continue
    nearest = k
    least = distances[j]
  }
  return nearest
}
