// Which two points a step of the solver moves.
//
// A kernel row that is not in memory costs as much as several steps, and far more where rows make way for others. So
// where the path is free, a point whose row is there is taken if it is nearly as good as the best one: then few rows
// are made that the solution does not need.

import { lacksRow, Problem } from './problem'

/** Points looked through before the best of them is compared: found in a block, then in a lane. */
export const BLOCK: i32 = 64
export const TAU: f64 = 1e-12
/** Gains below are none: the least that stays a normal float32 times a curvature. */
const LEAST_GAIN: f32 = 1e-25
/** What part of the best one's violation, or gain, a point must have that is taken because its row is there. */
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

/** Which of four points have no row. */
// @ts-ignore: decorator
@inline
function lacking(firstRow: usize): v128 {
  return i32x4.eq(v128.load(firstRow), i32x4.splat(0))
}

/** Sets the weight of every point. @param prefersPresent whether a gain counts less where the row is missing */
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

/** (F_j - F_i)^2, by its weight. */
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
 * Second-order choice in a run: the largest (F_j - F_i)^2 / (K_ii + K_jj - 2 K_ij).
 *
 * A division costs as much as all the rest, so blocks are only searched for a rise^2 that reaches the best gain
 * times the curvature; a hair less than that, for a product rounds otherwise than a quotient.
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

/** The partner j of point i, or -1. */
export function choosePartner(p: Problem, i: i32): i32 {
  const at = <usize>i * 4
  const level = f32x4.splat(f32.load(p.shifted + at))
  const diagonalI = f32x4.splat(f32.load(p.diagonal + at))
  const first = load<usize>(p.firstRow + at)
  // Addressed by point, not by place in the run.
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

/** Of the points that have rows the one that violates most, if nearly as much as `best`, which has none; or `best`. */
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
