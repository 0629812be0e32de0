// The dual solver: sequential minimal optimisation (SMO) with second-order working set selection.
//
//   minimise  1/2 b'Kb + p'b   subject to  sum(b) = const,  lower <= b <= upper
//
// with b = y * alpha, which avoids multiplications by y in the loops. For a C-SVC p = -y, and [lower, upper] is [0, C]
// for y = 1 and [-C, 0] for y = -1. The gradient is F = Kb + p. A point may go up while b < upper and down while
// b > lower. At the optimum no point that may go down has a larger F than one that may go up (by more than the
// tolerance).
//
// Working sets are selected as in LIBSVM, after R.-E. Fan, P.-H. Chen, C.-J. Lin, "Working set selection using second
// order information for training support vector machines", JMLR 6 (2005): i has the smallest F, j the largest gain.
// Ties go to the last point, as in LIBSVM, because with a kernel that is not positive definite the solution depends on
// the path.
//
// Points are stored in two runs (class a, class b), each padded to a multiple of 8 with points that may not move. A
// kernel row also consists of two runs with separate addresses, so that blocks can be shared between pairs of classes.

import { choosePartner, choosePresentRiser, TAU, weigh } from './working-set'
import { catchUp } from './gradient'
import { lacksRow, Problem, setMoves } from './problem'
import { drift, rescan, scan, update } from './update-gradient'

export const SLICE_DONE: i32 = 0
export const CONVERGED: i32 = 1
export const NEEDS_ROW: i32 = 2
/** The best step changes nothing in float64: the solution is as close to the optimum as rounding allows. */
export const STALLED: i32 = 3
/** Kernel values, or sums of them, exceed the range of float32: no optimum can be found. */
export const NOT_FINITE: i32 = 4

/** The float32 gradient is recomputed when its estimated rounding error exceeds this fraction of the gap. */
const MOST_DRIFT: f64 = 0.05

/** K(i, j), read from the row of i, which must be in memory. */
function kernelValue(p: Problem, i: i32, j: i32): f32 {
  const atI = <usize>i * 4
  const atJ = <usize>j * 4
  return j < p.split
    ? f32.load(load<usize>(p.firstRow + atI) + atJ)
    : f32.load(load<usize>(p.secondRow + atI) + atJ - <usize>p.split * 4)
}

/** Increases b_i and decreases b_j by the optimal step, clipped to the bounds; false if nothing changes. */
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
  // A point that reaches its bound is set to exactly the bound; the sum could miss it by a rounding error.
  const newI = delta == roomI ? f64.load(p.upper + atI + atI) : betaI + delta
  const newJ = delta == roomJ ? f64.load(p.lower + atJ + atJ) : betaJ - delta
  // One of the two may be so large that the step is rounded away; the other may still reach its bound.
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

/** Whether K(i, j) is finite for every point j that may move; working set selection skips non-finite values. */
function hasFiniteRow(p: Problem, i: i32): bool {
  for (let j = 0; j < p.size; j++) {
    const at = <usize>j * 8
    if (f64.load(p.lower + at) < f64.load(p.upper + at) && !isFinite(kernelValue(p, i, j))) return false
  }
  return true
}

/** Initialises the solver's state from the gradient and b that are in memory. */
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

/** Whether K(k, k) is finite for every point that may move; other kernel values are checked when they are used. */
function hasFiniteDiagonal(p: Problem): bool {
  for (let k = 0; k < p.size; k++) {
    const at = <usize>k * 4
    const moves = f64.load(p.lower + at + at) < f64.load(p.upper + at + at)
    if (moves && !isFinite(f32.load(p.diagonal + at))) return false
  }
  return true
}

/**
 * Runs at most `limit` (at least 1) iterations and returns why it stopped: SLICE_DONE, CONVERGED, NEEDS_ROW, STALLED or
 * NOT_FINITE. The gradient is exact after CONVERGED and STALLED.
 *
 * The search always terminates. SLICE_DONE means that `limit` iterations were made; the caller bounds their total.
 * NEEDS_ROW is returned a bounded number of times between iterations. While rows in memory are preferred, the row
 * requested is either that of the largest violator, which then becomes the first point, or that of the partner of the
 * best first point in memory. The latter point is held (never evicted), so the best first point in memory never gets
 * worse, and with ties going to the last point it changes at most as often as there are points. Once it no longer
 * changes, its partner, whose row is now in memory, outweighs all points whose rows are not. If that step changes
 * nothing, `prefersPresent` is 0 until a step does, across calls if necessary: then the pair is fixed, at most its two
 * rows are requested, the first being held while the second is loaded, and either its step is made or the result is
 * STALLED.
 */
export function solve(problem: usize, limit: i32): i32 {
  const p = changetype<Problem>(problem)
  weigh(p, p.prefersPresent != 0)
  return search(p, limit)
}

/** Stops the search early: makes the gradient exact. The kernel rows of all points that changed must be in memory. */
export function breakOff(problem: usize): void {
  catchUp(changetype<Problem>(problem))
}

function search(p: Problem, limit: i32): i32 {
  for (let made = 0; made < limit; ) {
    if (p.gap <= p.tolerance) {
      // Confirm convergence with the exact gradient and the shift at the midpoint.
      useFloat64(p)
      if (p.gap <= p.tolerance) return CONVERGED
    } else if (p.float32Gradient && drift(p) > p.gap * MOST_DRIFT) {
      // If the error limit was reached within few iterations, steps are too large for float32: switch to float64.
      if (p.iterations - p.caughtUp < <f64>p.size / 8) useFloat64(p)
      else makeExact(p)
    }
    // Comparisons with NaN are false, so nothing else would end the search.
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
      // Try the best pair overall, in float64, before reporting STALLED. No step was made, so this is not an iteration.
      p.prefersPresent = 0
      weigh(p, false)
      useFloat64(p)
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

/** Makes the gradient exact and keeps it in float64 from here on. */
function useFloat64(p: Problem): void {
  makeExact(p)
  p.float32Gradient = 0
}

/** Makes the gradient exact and recomputes its extremes. */
function makeExact(p: Problem): void {
  catchUp(p)
  rescan(p)
}
