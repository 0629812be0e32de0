// Updates the gradient F after a step, and finds the gap and the point i that violates the optimality conditions most.
//
// While the gap is far larger than the rounding error of float32, F is updated in float32 only (`shifted`), and the
// float64 gradient is brought up to date when it is needed. A step is bound by memory traffic, most of which is F.

import { BLOCK, horizontalMax, horizontalMin } from './working-set'
import { Problem } from './problem'
import { madd } from './simd'

/** Unit roundoff of float32, 2^-24. */
const UNIT: f64 = 1.0 / 16777216

// Results of the passes over the runs (the points of one class, then of the other): the smallest F of a point whose b may
// increase, its block, and the largest F of a point whose b may decrease.
let least: f32 = 0
let leastBlock: i32 = 0
let largest: f32 = 0

function beginScan(): void {
  least = f32.POSITIVE_INFINITY
  leastBlock = -1
  largest = f32.NEGATIVE_INFINITY
}

/**
 * One pass over a run: F += delta * (rowI - rowJ), and the extremes of the new F. Doing both in one pass moves all data
 * of an iteration through the cache once.
 *
 * The row differences are computed in f64, where they are exact: with large steps (C = 1e6) the rounding errors of
 * float32 differences would add up to more than the tolerance.
 */
function updateExactly(p: Problem, from: i32, to: i32, rowI: usize, rowJ: usize, delta: f64): void {
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

/** Like `updateExactly`, but in float32 and for `shifted` only. */
function updateF32(p: Problem, from: i32, to: i32, rowI: usize, rowJ: usize, delta: f32): void {
  const shifted = p.shifted
  const up = p.up
  const weight = p.weight
  const step = f32x4.splat(delta)
  let best = f32x4.splat(least)
  let high = f32x4.splat(largest)
  for (let block = from; block < to; block += BLOCK) {
    const end = <usize>min(block + BLOCK, to) * 4
    let low = f32x4.splat(f32.POSITIVE_INFINITY)
    for (let at = <usize>block * 4; at < end; at += 16) {
      const difference = f32x4.sub(v128.load(rowI + at), v128.load(rowJ + at))
      const f = madd(step, difference, v128.load(shifted + at))
      v128.store(shifted + at, f)
      low = f32x4.pmin(low, f32x4.add(f, v128.load(up + at)))
      // With all bits set a lane is NaN, which pmax ignores. So `weight` serves as the mask and `down` is not loaded.
      const stays = f32x4.eq(v128.load(weight + at), f32x4.splat(0))
      high = f32x4.pmax(high, v128.or(f, stays))
    }
    if (v128.any_true(f32x4.le(low, best))) {
      least = horizontalMin(low)
      best = f32x4.splat(least)
      leastBlock = block
    }
  }
  largest = horizontalMax(high)
}

/** Updates F and its extremes after b_i (b = y alpha) was increased and b_j decreased by `delta`. Both rows must be in memory. */
export function update(p: Problem, i: i32, j: i32, delta: f64): void {
  const atI = <usize>i * 4
  const atJ = <usize>j * 4
  const firstI = load<usize>(p.firstRow + atI)
  const firstJ = load<usize>(p.firstRow + atJ)
  // Offset so that the second run can be indexed by point.
  const secondI = load<usize>(p.secondRow + atI) - <usize>p.split * 4
  const secondJ = load<usize>(p.secondRow + atJ) - <usize>p.split * 4
  beginScan()
  if (p.float32Gradient) {
    updateF32(p, 0, p.split, firstI, firstJ, <f32>delta)
    updateF32(p, p.split, p.size, secondI, secondJ, <f32>delta)
    // The row difference, the factor, the product and the sum are each rounded.
    const error = UNIT * (<f64>abs(least) + <f64>abs(largest) + 6 * delta * <f64>p.largestDiagonal)
    p.squaredDrift += error * error
  } else {
    updateExactly(p, 0, p.split, firstI, firstJ, delta)
    updateExactly(p, p.split, p.size, secondI, secondJ, delta)
  }
  endScan(p)
}

/** Estimated rounding error of F from float32 updates; errors are assumed to accumulate like a random walk. */
export function drift(p: Problem): f64 {
  return Math.sqrt(p.squaredDrift)
}

/** Sets `gap` and `middle` from the extremes, and `next` to the point in the block that the passes found. */
function endScan(p: Problem): void {
  p.next = -1
  if (least == f32.POSITIVE_INFINITY || largest == f32.NEGATIVE_INFINITY) {
    p.gap = 0
    return
  }
  p.gap = <f64>largest - <f64>least
  p.middle = (<f64>largest + <f64>least) / 2
  // There is such a point. Of equal ones the last is taken, as in LIBSVM.
  for (let k = min(leastBlock + BLOCK, p.size) - 1; ; k--) {
    const at = <usize>k * 4
    if (f32.load(p.shifted + at) + f32.load(p.up + at) == least) {
      p.next = k
      return
    }
  }
}

/**
 * Sets `shifted` to F - shift and finds the extremes. Float32 is most precise around 0: with the shift at the midpoint
 * of the extremes, the violations near the end of the search are accurate regardless of the magnitude of F.
 */
export function scan(p: Problem, shift: f64): void {
  p.shift = shift
  p.squaredDrift = 0
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

/** Recomputes the extremes, with the shift moved to their midpoint. */
export function rescan(p: Problem): void {
  scan(p, p.shift + p.middle)
}
