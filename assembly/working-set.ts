// Working set selection: which two points the next SMO step changes.
//
// Computing a kernel row costs as much as several steps, and far more when it evicts another row. So if `pathIsFree`
// is set, a point whose row is in memory is selected when it is nearly as good as the best one. Then few rows are
// computed that the solution does not need.

import { lacksRow, Problem } from './problem'

/** Points per block: a search first finds the best block and then the point in it. */
export const BLOCK: i32 = 64
export const TAU: f64 = 1e-12
/** Gains below this count as none: the smallest for which gain times curvature is still a normal float32. */
const LEAST_GAIN: f32 = 1e-25
/** Fraction of the best violation (or gain) that a point must reach to be preferred because its row is in memory. */
const GOOD_RISE: f64 = 0.7
const GOOD_GAIN: f32 = 0.7

// @ts-ignore: decorator
@inline
export function horizontalMin(v: v128): f32 {
  v = f32x4.pmin(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1))
  v = f32x4.pmin(v, v128.shuffle<f32>(v, v, 1, 0, 3, 2))
  return f32x4.extract_lane(v, 0)
}

// @ts-ignore: decorator
@inline
export function horizontalMax(v: v128): f32 {
  v = f32x4.pmax(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1))
  v = f32x4.pmax(v, v128.shuffle<f32>(v, v, 1, 0, 3, 2))
  return f32x4.extract_lane(v, 0)
}

let gain: f32 = 0
let gainBlock: i32 = 0

/** Lane mask: which of four points have no row in memory. */
// @ts-ignore: decorator
@inline
function lacking(firstRow: usize): v128 {
  return i32x4.eq(v128.load(firstRow), i32x4.splat(0))
}

/** Sets the weight of every point. @param prefersPresent whether the gain of a point without a row is scaled down */
export function weigh(p: Problem, prefersPresent: bool): void {
  const one = f32x4.splat(1)
  const missing = f32x4.splat(prefersPresent ? GOOD_GAIN : 1)
  for (let at: usize = 0, end = <usize>p.size * 4; at < end; at += 16) {
    const falls = f32x4.eq(v128.load(p.down + at), f32x4.splat(0))
    const weight = v128.bitselect(missing, one, lacking(p.firstRow + at))
    v128.store(p.weight + at, v128.and(weight, falls))
  }
}

// @ts-ignore: decorator
@inline
function curvatureOf(diagonalI: v128, diagonal: v128, k: v128): v128 {
  return f32x4.pmax(f32x4.splat(<f32>TAU), f32x4.sub(f32x4.add(diagonalI, diagonal), f32x4.add(k, k)))
}

/** weight_j * (F_j - F_i)^2, and 0 if F_j < F_i. */
// @ts-ignore: decorator
@inline
function squareOf(shifted: usize, weight: usize, level: v128): v128 {
  const rise = f32x4.pmax(f32x4.splat(0), f32x4.sub(v128.load(shifted), level))
  return f32x4.mul(f32x4.mul(rise, rise), v128.load(weight))
}

// @ts-ignore: decorator
@inline
function gains(p: Problem, at: usize, row: usize, level: v128, diagonalI: v128): v128 {
  const curvature = curvatureOf(diagonalI, v128.load(p.diagonal + at), v128.load(row + at))
  return f32x4.div(squareOf(p.shifted + at, p.weight + at, level), curvature)
}

/**
 * Second-order selection in a run: finds the block with the largest (F_j - F_i)^2 / (K_ii + K_jj - 2 K_ij).
 *
 * The division costs as much as everything else, so a block is first tested for a squared difference that reaches the
 * best gain times the curvature. The factor 0.999999 allows for the product and the quotient rounding differently.
 */
function chooseInRun(p: Problem, from: i32, to: i32, row: usize, level: v128, diagonalI: v128): void {
  const shifted = p.shifted
  const weight = p.weight
  const diagonal = p.diagonal
  for (let block = from; block < to; block += BLOCK) {
    const start = <usize>block * 4
    const end = <usize>min(block + BLOCK, to) * 4
    const bar = f32x4.splat(gain * 0.999999)
    let reached = i32x4.splat(0)
    for (let at = start; at < end; at += 16) {
      const curvature = curvatureOf(diagonalI, v128.load(diagonal + at), v128.load(row + at))
      reached = v128.or(
        reached,
        f32x4.ge(squareOf(shifted + at, weight + at, level), f32x4.mul(bar, curvature)),
      )
    }
    if (!v128.any_true(reached)) continue
    let high = f32x4.splat(0)
    for (let at = start; at < end; at += 16) {
      high = f32x4.pmax(high, gains(p, at, row, level, diagonalI))
    }
    const best = horizontalMax(high)
    if (best >= gain) {
      gain = best
      gainBlock = block
    }
  }
}

/** The second point j of the working set, or -1 if no point offers a gain. The row of i must be in memory. */
export function choosePartner(p: Problem, i: i32): i32 {
  const at = <usize>i * 4
  const level = f32x4.splat(f32.load(p.shifted + at))
  const diagonalI = f32x4.splat(f32.load(p.diagonal + at))
  const first = load<usize>(p.firstRow + at)
  // Offset so that the second run can be indexed by point.
  const second = load<usize>(p.secondRow + at) - <usize>p.split * 4
  gain = LEAST_GAIN
  gainBlock = -1
  chooseInRun(p, 0, p.split, first, level, diagonalI)
  chooseInRun(p, p.split, p.size, second, level, diagonalI)
  if (gainBlock < 0) return -1
  const row = gainBlock < p.split ? first : second
  const end = gainBlock < p.split ? p.split : p.size
  for (let k = min(gainBlock + BLOCK, end) - 4; ; k -= 4) {
    const hits = f32x4.eq(gains(p, <usize>k * 4, row, level, diagonalI), f32x4.splat(gain))
    if (v128.any_true(hits)) return k + 31 - clz(i32x4.bitmask(hits))
  }
  return -1
}

/**
 * The point with a row in memory that may go up and violates the conditions most, if it violates them nearly as much as
 * `best` (which has no row); otherwise `best`.
 */
export function choosePresentRiser(p: Problem, best: i32): i32 {
  const shifted = p.shifted
  const up = p.up
  const firstRow = p.firstRow
  const none = f32x4.splat(f32.POSITIVE_INFINITY)
  const size = <usize>p.size * 4
  let low = none
  for (let at: usize = 0; at < size; at += 16) {
    const f = f32x4.add(v128.load(shifted + at), v128.load(up + at))
    low = f32x4.pmin(low, v128.bitselect(none, f, lacking(firstRow + at)))
  }
  const least = horizontalMin(low)
  if (!(<f64>least <= p.middle - p.gap * (GOOD_RISE / 2))) return best
  for (let k = p.size - 1; k >= 0; k--) {
    const at = <usize>k * 4
    if (!lacksRow(p, k) && f32.load(shifted + at) + f32.load(up + at) == least) return k
  }
  return best
}
