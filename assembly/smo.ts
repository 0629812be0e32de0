// The dual solver: sequential minimal optimisation with second-order working sets.
//
//   minimise  1/2 b'Kb + p'b   subject to  sum(b) = const,  lower <= b <= upper
//
// with b = y * alpha, so that no sign is multiplied in the loops. For a C-SVC p = -y, [lower, upper] = [0, C]
// for y = 1 and [-C, 0] for y = -1. The gradient is F = Kb + p; a point may go up while b < upper and down
// while b > lower; at the optimum no point that may go down has a larger F than one that may go up
// (by more than the tolerance).
//
// R.-E. Fan, P.-H. Chen, C.-J. Lin, "Working set selection using second order information for training
// support vector machines", JMLR 6 (2005), as in LIBSVM: i has the least F, j the largest gain, and of equal
// ones the last is taken, as there (where a kernel is not positive definite, the path decides the optimum).
//
// Points stand in two runs (class a, class b), each padded to a multiple of 8 with points that may not move.
// A kernel row is two runs as well, at addresses of its own, so that blocks are shared between pairs.

import { choosePartner, choosePresentRiser, TAU, weigh } from './working-set'
import { catchUp } from './gradient'
import { lacksRow, Problem, setMoves } from './problem'
import { drift, rescan, scan, update } from './update-gradient'

export const SLICE_DONE: i32 = 0
export const CONVERGED: i32 = 1
export const NEEDS_ROW: i32 = 2
/** The best step changes nothing in float64: as near to the optimum as the numbers allow. */
export const STALLED: i32 = 3
/** Kernel values, or sums of them, are beyond float32: there is no optimum to be found. */
export const NOT_FINITE: i32 = 4

/** What part of the gap F may have lost to rounding before it is made anew. */
const WORTH: f64 = 0.05

/** K(i, j), from the row of i. */
function kernelValue(p: Problem, i: i32, j: i32): f32 {
  const atI = <usize>i * 4
  const atJ = <usize>j * 4
  return j < p.split
    ? f32.load(load<usize>(p.firstRow + atI) + atJ)
    : f32.load(load<usize>(p.secondRow + atI) + atJ - <usize>p.split * 4)
}

/** Moves b_i up and b_j down as far as pays or the bounds allow; false if nothing changes. `kij`: K(i, j). */
function step(p: Problem, i: i32, j: i32, kij: f32): bool {
  const atI = <usize>i * 4
  const atJ = <usize>j * 4
  const curvature = max(TAU, <f64>f32.load(p.diagonal + atI) + <f64>f32.load(p.diagonal + atJ) - 2 * <f64>kij)
  const betaI = f64.load(p.beta + atI + atI)
  const betaJ = f64.load(p.beta + atJ + atJ)
  const roomI = f64.load(p.upper + atI + atI) - betaI
  const roomJ = betaJ - f64.load(p.lower + atJ + atJ)
  const violation = p.float32Gradient
    ? <f64>f32.load(p.shifted + atJ) - <f64>f32.load(p.shifted + atI)
    : f64.load(p.gradient + atJ + atJ) - f64.load(p.gradient + atI + atI)
  const wish = violation / curvature
  const delta = min(wish, min(roomI, roomJ))
  // A point that meets its bound gets the bound itself, not a sum that may miss it by a rounding.
  const newI = delta == roomI ? f64.load(p.upper + atI + atI) : betaI + delta
  const newJ = delta == roomJ ? f64.load(p.lower + atJ + atJ) : betaJ - delta
  // One of them alone may be too large to feel the step: the other still meets its bound.
  if (newI == betaI && newJ == betaJ) return false
  f64.store(p.beta + atI + atI, newI)
  f64.store(p.beta + atJ + atJ, newJ)
  if (p.float32Gradient == 0) {
    f64.store(p.counted + atI + atI, newI)
    f64.store(p.counted + atJ + atJ, newJ)
  }
  setMoves(p, i)
  setMoves(p, j)
  update(p, i, j, delta)
  return true
}

/** Whether K(i, j) is finite for every point j that may move: infinite ones offer no step. */
function hasFiniteRow(p: Problem, i: i32): bool {
  for (let j = 0; j < p.size; j++) {
    const at = <usize>j * 8
    if (f64.load(p.lower + at) < f64.load(p.upper + at) && !isFinite(kernelValue(p, i, j))) return false
  }
  return true
}

/** Starts from the gradient and b that are in memory. */
export function startProblem(problem: usize): void {
  const p = changetype<Problem>(problem)
  p.largestDiagonal = 0
  for (let k = 0; k < p.size; k++) {
    setMoves(p, k)
    p.largestDiagonal = max(p.largestDiagonal, abs(f32.load(p.diagonal + <usize>k * 4)))
  }
  memory.copy(p.counted, p.beta, <usize>p.size * 8)
  p.iterations = 0
  p.caughtUp = 0
  p.float32Gradient = p.pathIsFree != 0 && p.keepsRows != 0 ? 1 : 0
  p.prefersPresent = p.pathIsFree
  scan(p, 0)
  if (!hasFiniteDiagonal(p)) p.gap = f64.NaN
}

/** Whether K(k, k) is finite for every point that may move: other kernel values are seen when they are used. */
function hasFiniteDiagonal(p: Problem): bool {
  for (let k = 0; k < p.size; k++) {
    const at = <usize>k * 4
    const moves = f64.load(p.lower + at + at) < f64.load(p.upper + at + at)
    if (moves && !isFinite(f32.load(p.diagonal + at))) return false
  }
  return true
}

/**
 * Goes on for at most `limit` iterations, 1 or more, and says why it stopped. The gradient is exact if it came to an
 * end: with CONVERGED or STALLED.
 *
 * A search always comes to an end. SLICE_DONE says that `limit` iterations were made, and whoever calls counts them.
 * NEEDS_ROW is answered only so often before the next iteration or the end. As long as rows that are in memory are
 * preferred, the row that is brought is either that of the largest violator, which is then the first point, or that
 * of the partner of the best first point that is in memory. The latter point is held, so the best one in memory
 * never becomes worse (of equal ones the last is taken): it changes at most as often as there are points. Once it
 * stays, its partner, whose row is now in memory, outweighs all points whose rows are not. If that step changes
 * nothing, `prefersPresent` is 0 until one does, over as many calls as it takes: then the pair is fixed, at most its
 * two rows are brought, the first one being held for the second, and its step is made or the search has STALLED.
 */
export function solve(problem: usize, limit: i32): i32 {
  const p = changetype<Problem>(problem)
  weigh(p, p.prefersPresent != 0)
  return search(p, limit)
}

/** Ends before the end: makes the gradient exact. */
export function breakOff(problem: usize): void {
  catchUp(changetype<Problem>(problem))
}

function search(p: Problem, limit: i32): i32 {
  for (let made = 0; made < limit; ) {
    if (p.gap <= p.tolerance) {
      // Look again with the shift in the middle: the gap that ends the search is an exact one.
      exactly(p)
      if (p.gap <= p.tolerance) return CONVERGED
    } else if (p.float32Gradient && drift(p) > p.gap * WORTH) {
      // Steps of such a size call for float64 if the next stop is as near.
      if (p.iterations - p.caughtUp < <f64>p.size / 8) exactly(p)
      else again(p)
    }
    // A comparison with NaN is never true: nothing else would end the search.
    if (!isFinite(p.gap)) return NOT_FINITE
    let i = p.next
    if (p.prefersPresent && lacksRow(p, i)) i = choosePresentRiser(p, i)
    p.held = -1
    if (lacksRow(p, i)) {
      p.wanted = i
      return NEEDS_ROW
    }
    const j = choosePartner(p, i)
    if (j >= 0 && lacksRow(p, j)) {
      p.wanted = j
      p.held = i
      return NEEDS_ROW
    }
    const kij: f32 = j < 0 ? 0 : kernelValue(p, i, j)
    if (!isFinite(kij)) return NOT_FINITE
    if (j < 0 || !step(p, i, j, kij)) {
      if (p.prefersPresent == 0) return hasFiniteRow(p, i) ? STALLED : NOT_FINITE
      // What the best pair of all can do, in float64, is not known yet. This is no iteration, so it does not count.
      p.prefersPresent = 0
      weigh(p, false)
      exactly(p)
      continue
    }
    if (p.prefersPresent != p.pathIsFree) {
      p.prefersPresent = p.pathIsFree
      weigh(p, true)
    }
    made++
    p.iterations += 1
    i32.store(p.used + <usize>i * 4, <i32>p.iterations)
    i32.store(p.used + <usize>j * 4, <i32>p.iterations)
  }
  return SLICE_DONE
}

/** From here on every step is exact. */
function exactly(p: Problem): void {
  again(p)
  p.float32Gradient = 0
}

/** The extremes, from the exact gradient. */
function again(p: Problem): void {
  catchUp(p)
  rescan(p)
}
