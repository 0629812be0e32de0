// F, and who violates the conditions most.
//
// As long as the gap is far larger than what float32 rounds away, F is kept in float32 alone (`shifted`), and the exact
// gradient catches up when it is read: a step is bound by the bytes that go through the cache, and those are the most.

import { BLOCK, horizontalMax, horizontalMin } from './working-set'
import { Problem } from './problem'
import { madd } from './simd'

/** Half a unit in the last place of float32. */
const UNIT: f64 = 1.0 / 16777216

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

/** As `updateExactly`, but in float32 and of `shifted` alone. */
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
      // All bits set are a NaN, which is no maximum: so `down` need not come into the cache.
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

/** b_i went up by `delta` and b_j down: the new F, and its extremes. */
export function update(p: Problem, i: i32, j: i32, delta: f64): void {
  const atI = <usize>i * 4
  const atJ = <usize>j * 4
  const firstI = load<usize>(p.firstRow + atI)
  const firstJ = load<usize>(p.firstRow + atJ)
  // Addressed by point, not by place in the run.
  const secondI = load<usize>(p.secondRow + atI) - <usize>p.split * 4
  const secondJ = load<usize>(p.secondRow + atJ) - <usize>p.split * 4
  beginScan()
  if (p.float32Gradient) {
    updateF32(p, 0, p.split, firstI, firstJ, <f32>delta)
    updateF32(p, p.split, p.size, secondI, secondJ, <f32>delta)
    // The difference of two rows, the factor, the product and the sum are rounded.
    const error = UNIT * (<f64>abs(least) + <f64>abs(largest) + 6 * delta * <f64>p.largestDiagonal)
    p.squaredDrift += error * error
  } else {
    updateExactly(p, 0, p.split, firstI, firstJ, delta)
    updateExactly(p, p.split, p.size, secondI, secondJ, delta)
  }
  endScan(p)
}

/** What hasty steps may have cost F together: roundings add up as random steps do. */
export function drift(p: Problem): f64 {
  return Math.sqrt(p.squaredDrift)
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

/** Finds the extremes anew, with the shift in their middle. */
export function rescan(p: Problem): void {
  scan(p, p.shift + p.middle)
}
