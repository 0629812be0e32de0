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

import { BLOCK, choosePartner, choosePresentPartner, choosePresentRiser, horizontalMax, horizontalMin, TAU } from './choice'
import { lacksRow, Problem, setMoves } from './problem'

export const SLICE_DONE: i32 = 0
export const CONVERGED: i32 = 1
export const NEEDS_ROW: i32 = 2
/** The best step changes nothing in float64: as near to the optimum as the numbers allow. */
export const STALLED: i32 = 3

// What the passes over a run found: the least F that may go up, its block, and the largest that may go down.
let least: f32 = 0
let leastBlock: i32 = 0
let largest: f32 = 0

function beginScan(): void {
  least = f32.POSITIVE_INFINITY
  leastBlock = -1
  largest = f32.NEGATIVE_INFINITY
}

/**
 * One pass over a run: F += delta * (rowI - rowJ), and the extremes of the new F. Everything that an
 * iteration reads and writes goes through the cache once.
 *
 * The row differences are taken in f64, where they are exact: with large steps (C = 1e6) the rounding of a
 * float32 difference would add up to more than the tolerance.
 */
function updateRun(p: Problem, from: i32, to: i32, rowI: usize, rowJ: usize, delta: f64): void {
  const gradient = p.gradient
  const shifted = p.shifted
  const up = p.up
  const down = p.down
  const step = f64x2.splat(delta)
  const shift = f64x2.splat(p.shift)
  let best = f32x4.splat(least)
  let high = f32x4.splat(largest)
  for (let block = from; block < to; block += BLOCK) {
    const end = <usize>min(block + BLOCK, to) * 4
    let low = f32x4.splat(f32.POSITIVE_INFINITY)
    for (let at = <usize>block * 4; at < end; at += 16) {
      const i01 = f64x2.promote_low_f32x4(v128.load64_zero(rowI + at))
      const i23 = f64x2.promote_low_f32x4(v128.load64_zero(rowI + at, 8))
      const j01 = f64x2.promote_low_f32x4(v128.load64_zero(rowJ + at))
      const j23 = f64x2.promote_low_f32x4(v128.load64_zero(rowJ + at, 8))
      const g = gradient + at + at
      const g01 = f64x2.add(v128.load(g), f64x2.mul(step, f64x2.sub(i01, j01)))
      const g23 = f64x2.add(v128.load(g, 16), f64x2.mul(step, f64x2.sub(i23, j23)))
      v128.store(g, g01)
      v128.store(g, g23, 16)
      const f = v128.shuffle<f64>(
        f32x4.demote_f64x2_zero(f64x2.sub(g01, shift)),
        f32x4.demote_f64x2_zero(f64x2.sub(g23, shift)),
        0,
        2,
      )
      v128.store(shifted + at, f)
      low = f32x4.pmin(low, f32x4.add(f, v128.load(up + at)))
      high = f32x4.pmax(high, f32x4.add(f, v128.load(down + at)))
    }
    if (v128.any_true(f32x4.le(low, best))) {
      least = horizontalMin(low)
      best = f32x4.splat(least)
      leastBlock = block
    }
  }
  largest = horizontalMax(high)
}

/** The point of the block found by the passes: its gap becomes the problem's. */
function endScan(p: Problem): void {
  p.next = -1
  if (least == f32.POSITIVE_INFINITY || largest == f32.NEGATIVE_INFINITY) {
    p.gap = 0
    return
  }
  p.gap = <f64>largest - <f64>least
  p.middle = (<f64>largest + <f64>least) / 2
  for (let k = min(leastBlock + BLOCK, p.size) - 1; ; k--) {
    const at = <usize>k * 4
    if (f32.load(p.shifted + at) + f32.load(p.up + at) == least) {
      p.next = k
      return
    }
  }
}

/**
 * Sets `shifted` to F - shift and finds the extremes. Float32 is finest around 0: with the shift in the middle
 * of the extremes, the violations near the end of the search are exact whatever the size of F.
 */
function scan(p: Problem, shift: f64): void {
  p.shift = shift
  beginScan()
  for (let k = 0; k < p.size; k++) {
    const at = <usize>k * 4
    const f = <f32>(f64.load(p.gradient + at + at) - shift)
    f32.store(p.shifted + at, f)
    const low = f + f32.load(p.up + at)
    if (low <= least) {
      least = low
      leastBlock = k
    }
    largest = max(largest, f + f32.load(p.down + at))
  }
  endScan(p)
}

/** Finds the extremes anew, with the shift in their middle. */
export function rescan(p: Problem): void {
  scan(p, p.shift + p.middle)
}

/** Moves b_i up and b_j down as far as pays or the bounds allow; false if nothing changes. */
function step(p: Problem, i: i32, j: i32): bool {
  const atI = <usize>i * 4
  const atJ = <usize>j * 4
  const kij = j < p.split
    ? f32.load(load<usize>(p.firstRow + atI) + atJ)
    : f32.load(load<usize>(p.secondRow + atI) + atJ - <usize>p.split * 4)
  const curvature = max(
    TAU,
    <f64>f32.load(p.diagonal + atI) + <f64>f32.load(p.diagonal + atJ) - 2 * <f64>kij,
  )
  const betaI = f64.load(p.beta + atI + atI)
  const betaJ = f64.load(p.beta + atJ + atJ)
  const roomI = f64.load(p.upper + atI + atI) - betaI
  const roomJ = betaJ - f64.load(p.lower + atJ + atJ)
  const wish = (f64.load(p.gradient + atJ + atJ) - f64.load(p.gradient + atI + atI)) / curvature
  const delta = min(wish, min(roomI, roomJ))
  // A point that meets its bound gets the bound itself, not a sum that may miss it by a rounding.
  const newI = delta == roomI ? f64.load(p.upper + atI + atI) : betaI + delta
  const newJ = delta == roomJ ? f64.load(p.lower + atJ + atJ) : betaJ - delta
  // One of them alone may be too large to feel the step: the other still meets its bound.
  if (newI == betaI && newJ == betaJ) return false
  f64.store(p.beta + atI + atI, newI)
  f64.store(p.beta + atJ + atJ, newJ)
  setMoves(p, i)
  setMoves(p, j)
  beginScan()
  const split = <usize>p.split * 4
  updateRun(p, 0, p.split, load<usize>(p.firstRow + atI), load<usize>(p.firstRow + atJ), delta)
  updateRun(
    p,
    p.split,
    p.size,
    load<usize>(p.secondRow + atI) - split,
    load<usize>(p.secondRow + atJ) - split,
    delta,
  )
  endScan(p)
  return true
}

/** Starts from the gradient and b that are in memory. */
export function startProblem(problem: usize): void {
  const p = changetype<Problem>(problem)
  for (let k = 0; k < p.size; k++) setMoves(p, k)
  p.iterations = 0
  scan(p, 0)
}

/** Goes on for at most `limit` iterations and says why it stopped. */
export function solve(problem: usize, limit: i32): i32 {
  const p = changetype<Problem>(problem)
  let prefersPresent = p.prefersPresent != 0
  for (let n = 0; n < limit; n++) {
    if (p.gap <= p.tolerance) {
      // Look again with the shift in the middle: the gap that ends the search is an exact one.
      rescan(p)
      if (p.gap <= p.tolerance) return CONVERGED
    }
    let i = p.next
    if (prefersPresent && lacksRow(p, i)) i = choosePresentRiser(p, i)
    p.held = -1
    if (lacksRow(p, i)) {
      p.wanted = i
      return NEEDS_ROW
    }
    const j = prefersPresent ? choosePresentPartner(p, i) : choosePartner(p, i)
    if (j >= 0 && lacksRow(p, j)) {
      p.wanted = j
      p.held = i
      return NEEDS_ROW
    }
    if (j < 0 || !step(p, i, j)) {
      if (!prefersPresent) return STALLED
      // What the best pair of all can do is not known yet.
      prefersPresent = false
      continue
    }
    prefersPresent = p.prefersPresent != 0
    p.iterations += 1
    i32.store(p.used + <usize>i * 4, <i32>p.iterations)
    i32.store(p.used + <usize>j * 4, <i32>p.iterations)
  }
  return SLICE_DONE
}
