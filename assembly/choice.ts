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

// @ts-ignore: decorator
@inline
function riseOf(shifted: usize, down: usize, level: v128): v128 {
  return f32x4.pmax(f32x4.splat(0), f32x4.sub(f32x4.add(v128.load(shifted), v128.load(down)), level))
}

// @ts-ignore: decorator
@inline
function curvatureOf(diagonalI: v128, diagonal: v128, k: v128): v128 {
  return f32x4.pmax(f32x4.splat(<f32>TAU), f32x4.sub(f32x4.add(diagonalI, diagonal), f32x4.add(k, k)))
}

/**
 * (F_j - F_i)^2 / (K_ii + K_jj - 2 K_ij), as a product and what it is divided by.
 *
 * @param fair whether the gain of a point without a row counts in full; a constant
 */
// @ts-ignore: decorator
@inline
function squareOf(p: Problem, at: usize, level: v128, fair: bool): v128 {
  const rise = riseOf(p.shifted + at, p.down + at, level)
  const square = f32x4.mul(rise, rise)
  if (fair) return square
  return v128.bitselect(f32x4.mul(square, f32x4.splat(GOOD_GAIN)), square, lacking(p.firstRow + at))
}

// @ts-ignore: decorator
@inline
function gains(p: Problem, at: usize, row: usize, level: v128, diagonalI: v128, fair: bool): v128 {
  const curvature = curvatureOf(diagonalI, v128.load(p.diagonal + at), v128.load(row + at))
  return f32x4.div(squareOf(p, at, level, fair), curvature)
}

/**
 * Second-order choice in a run: the largest (F_j - F_i)^2 / (K_ii + K_jj - 2 K_ij).
 *
 * A division costs as much as all the rest, so blocks are only searched for a rise^2 that reaches the best gain
 * times the curvature; a hair less than that, for a product rounds otherwise than a quotient.
 */
// @ts-ignore: decorator
@inline
function chooseInRun(
  p: Problem,
  from: i32,
  to: i32,
  row: usize,
  level: v128,
  diagonalI: v128,
  fair: bool,
): void {
  const diagonal = p.diagonal
  for (let block = from; block < to; block += BLOCK) {
    const start = <usize>block * 4
    const end = <usize>min(block + BLOCK, to) * 4
    const bar = f32x4.splat(gain * 0.999999)
    let reached = i32x4.splat(0)
    for (let at = start; at < end; at += 16) {
      const curvature = curvatureOf(diagonalI, v128.load(diagonal + at), v128.load(row + at))
      reached = v128.or(reached, f32x4.ge(squareOf(p, at, level, fair), f32x4.mul(bar, curvature)))
    }
    if (!v128.any_true(reached)) continue
    let high = f32x4.splat(0)
    for (let at = start; at < end; at += 16) {
      high = f32x4.pmax(high, gains(p, at, row, level, diagonalI, fair))
    }
    const best = horizontalMax(high)
    if (best >= gain) {
      gain = best
      gainBlock = block
    }
  }
}

// @ts-ignore: decorator
@inline
function choose(p: Problem, i: i32, fair: bool): i32 {
  const at = <usize>i * 4
  const level = f32x4.splat(f32.load(p.shifted + at))
  const diagonalI = f32x4.splat(f32.load(p.diagonal + at))
  const first = load<usize>(p.firstRow + at)
  // Addressed by point, not by place in the run.
  const second = load<usize>(p.secondRow + at) - <usize>p.split * 4
  gain = LEAST_GAIN
  gainBlock = -1
  chooseInRun(p, 0, p.split, first, level, diagonalI, fair)
  chooseInRun(p, p.split, p.size, second, level, diagonalI, fair)
  if (gainBlock < 0) return -1
  const row = gainBlock < p.split ? first : second
  const end = gainBlock < p.split ? p.split : p.size
  for (let k = min(gainBlock + BLOCK, end) - 4; ; k -= 4) {
    const hits = f32x4.eq(gains(p, <usize>k * 4, row, level, diagonalI, fair), f32x4.splat(gain))
    if (v128.any_true(hits)) return k + 31 - clz(i32x4.bitmask(hits))
  }
  return -1
}

/** The partner j of point i, or -1. */
export function choosePartner(p: Problem, i: i32): i32 {
  return choose(p, i, true)
}

/** As `choosePartner`, but a point whose row is there is taken before one that gains little more. */
export function choosePresentPartner(p: Problem, i: i32): i32 {
  return choose(p, i, false)
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
