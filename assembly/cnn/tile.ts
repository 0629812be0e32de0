// The one product of the network engine: sums over what a window of a map holds, for some pixels and 8 channels.
//
// Pixels are named by tables of byte offsets, so a tile may gather them from the ends of rows and from several
// pictures. A window is a list of segments that are the same for every pixel: (byte offset, count) of numbers that
// lie side by side. Maps are channels last, so a row of a window without dilation is one segment.
//
// Sums go through the segments in order, one number after the other, whatever the tile: a picture has the same bits
// alone and in a batch.

import { madd } from '../simd'

/** Adds the residual, clamps, and stores the `lanes` (at most 8) channels of a pixel that exist. */
// @ts-ignore: decorator
@inline
function finish(
  out: usize,
  outOffset: usize,
  residual: usize,
  residualOffset: usize,
  sum0: v128,
  sum1: v128,
  lanes: i32,
  low: v128,
  high: v128,
): void {
  const at = out + load<u32>(outOffset)
  if (residual) {
    const added = residual + load<u32>(residualOffset)
    sum0 = f32x4.add(sum0, v128.load(added))
    sum1 = f32x4.add(sum1, v128.load(added, 16))
  }
  // In this order of arguments a NaN stays one.
  sum0 = f32x4.pmin(f32x4.pmax(sum0, low), high)
  sum1 = f32x4.pmin(f32x4.pmax(sum1, low), high)
  if (lanes >= 8) {
    v128.store(at, sum0)
    v128.store(at, sum1, 16)
  } else if (lanes >= 4) {
    v128.store(at, sum0)
    storeLanes(at + 16, sum1, lanes - 4)
  } else storeLanes(at, sum0, lanes)
}

/** Stores the first `lanes` (0 to 3) numbers of a vector. */
function storeLanes(at: usize, values: v128, lanes: i32): void {
  if (lanes > 0) f32.store(at, f32x4.extract_lane(values, 0))
  if (lanes > 1) f32.store(at, f32x4.extract_lane(values, 1), 4)
  if (lanes > 2) f32.store(at, f32x4.extract_lane(values, 2), 8)
}

/** 5 pixels x 8 channels. The arguments are those of `tile`. */
function tile5(
  x: usize,
  xOffsets: usize,
  segments: usize,
  segmentCount: i32,
  weights: usize,
  bias: usize,
  out: usize,
  outOffsets: usize,
  residual: usize,
  residualOffsets: usize,
  lanes: i32,
  low: v128,
  high: v128,
): void {
  const x0 = x + load<u32>(xOffsets)
  const x1 = x + load<u32>(xOffsets, 4)
  const x2 = x + load<u32>(xOffsets, 8)
  const x3 = x + load<u32>(xOffsets, 12)
  const x4 = x + load<u32>(xOffsets, 16)
  let s00 = v128.load(bias)
  let s01 = v128.load(bias, 16)
  let s10 = s00
  let s11 = s01
  let s20 = s00
  let s21 = s01
  let s30 = s00
  let s31 = s01
  let s40 = s00
  let s41 = s01
  for (const end = segments + <usize>segmentCount * 8; segments < end; segments += 8) {
    const from = load<u32>(segments)
    let p0 = x0 + from
    let p1 = x1 + from
    let p2 = x2 + from
    let p3 = x3 + from
    let p4 = x4 + from
    let count = load<i32>(segments, 4)
    for (; count >= 4; count -= 4) {
      let w0 = v128.load(weights)
      let w1 = v128.load(weights, 16)
      let v = v128.load32_splat(p0)
      s00 = madd(v, w0, s00)
      s01 = madd(v, w1, s01)
      v = v128.load32_splat(p1)
      s10 = madd(v, w0, s10)
      s11 = madd(v, w1, s11)
      v = v128.load32_splat(p2)
      s20 = madd(v, w0, s20)
      s21 = madd(v, w1, s21)
      v = v128.load32_splat(p3)
      s30 = madd(v, w0, s30)
      s31 = madd(v, w1, s31)
      v = v128.load32_splat(p4)
      s40 = madd(v, w0, s40)
      s41 = madd(v, w1, s41)
      w0 = v128.load(weights, 32)
      w1 = v128.load(weights, 48)
      v = v128.load32_splat(p0, 4)
      s00 = madd(v, w0, s00)
      s01 = madd(v, w1, s01)
      v = v128.load32_splat(p1, 4)
      s10 = madd(v, w0, s10)
      s11 = madd(v, w1, s11)
      v = v128.load32_splat(p2, 4)
      s20 = madd(v, w0, s20)
      s21 = madd(v, w1, s21)
      v = v128.load32_splat(p3, 4)
      s30 = madd(v, w0, s30)
      s31 = madd(v, w1, s31)
      v = v128.load32_splat(p4, 4)
      s40 = madd(v, w0, s40)
      s41 = madd(v, w1, s41)
      w0 = v128.load(weights, 64)
      w1 = v128.load(weights, 80)
      v = v128.load32_splat(p0, 8)
      s00 = madd(v, w0, s00)
      s01 = madd(v, w1, s01)
      v = v128.load32_splat(p1, 8)
      s10 = madd(v, w0, s10)
      s11 = madd(v, w1, s11)
      v = v128.load32_splat(p2, 8)
      s20 = madd(v, w0, s20)
      s21 = madd(v, w1, s21)
      v = v128.load32_splat(p3, 8)
      s30 = madd(v, w0, s30)
      s31 = madd(v, w1, s31)
      v = v128.load32_splat(p4, 8)
      s40 = madd(v, w0, s40)
      s41 = madd(v, w1, s41)
      w0 = v128.load(weights, 96)
      w1 = v128.load(weights, 112)
      v = v128.load32_splat(p0, 12)
      s00 = madd(v, w0, s00)
      s01 = madd(v, w1, s01)
      v = v128.load32_splat(p1, 12)
      s10 = madd(v, w0, s10)
      s11 = madd(v, w1, s11)
      v = v128.load32_splat(p2, 12)
      s20 = madd(v, w0, s20)
      s21 = madd(v, w1, s21)
      v = v128.load32_splat(p3, 12)
      s30 = madd(v, w0, s30)
      s31 = madd(v, w1, s31)
      v = v128.load32_splat(p4, 12)
      s40 = madd(v, w0, s40)
      s41 = madd(v, w1, s41)
      p0 += 16
      p1 += 16
      p2 += 16
      p3 += 16
      p4 += 16
      weights += 128
    }
    for (; count > 0; count--) {
      let w0 = v128.load(weights)
      let w1 = v128.load(weights, 16)
      let v = v128.load32_splat(p0)
      s00 = madd(v, w0, s00)
      s01 = madd(v, w1, s01)
      v = v128.load32_splat(p1)
      s10 = madd(v, w0, s10)
      s11 = madd(v, w1, s11)
      v = v128.load32_splat(p2)
      s20 = madd(v, w0, s20)
      s21 = madd(v, w1, s21)
      v = v128.load32_splat(p3)
      s30 = madd(v, w0, s30)
      s31 = madd(v, w1, s31)
      v = v128.load32_splat(p4)
      s40 = madd(v, w0, s40)
      s41 = madd(v, w1, s41)
      p0 += 4
      p1 += 4
      p2 += 4
      p3 += 4
      p4 += 4
      weights += 32
    }
  }
  finish(out, outOffsets + 0, residual, residualOffsets + 0, s00, s01, lanes, low, high)
  finish(out, outOffsets + 4, residual, residualOffsets + 4, s10, s11, lanes, low, high)
  finish(out, outOffsets + 8, residual, residualOffsets + 8, s20, s21, lanes, low, high)
  finish(out, outOffsets + 12, residual, residualOffsets + 12, s30, s31, lanes, low, high)
  finish(out, outOffsets + 16, residual, residualOffsets + 16, s40, s41, lanes, low, high)
}

/** 6 pixels x 8 channels. The arguments are those of `tile`. */
function tile6(
  x: usize,
  xOffsets: usize,
  segments: usize,
  segmentCount: i32,
  weights: usize,
  bias: usize,
  out: usize,
  outOffsets: usize,
  residual: usize,
  residualOffsets: usize,
  lanes: i32,
  low: v128,
  high: v128,
): void {
  const x0 = x + load<u32>(xOffsets)
  const x1 = x + load<u32>(xOffsets, 4)
  const x2 = x + load<u32>(xOffsets, 8)
  const x3 = x + load<u32>(xOffsets, 12)
  const x4 = x + load<u32>(xOffsets, 16)
  const x5 = x + load<u32>(xOffsets, 20)
  let s00 = v128.load(bias)
  let s01 = v128.load(bias, 16)
  let s10 = s00
  let s11 = s01
  let s20 = s00
  let s21 = s01
  let s30 = s00
  let s31 = s01
  let s40 = s00
  let s41 = s01
  let s50 = s00
  let s51 = s01
  for (const end = segments + <usize>segmentCount * 8; segments < end; segments += 8) {
    const from = load<u32>(segments)
    let p0 = x0 + from
    let p1 = x1 + from
    let p2 = x2 + from
    let p3 = x3 + from
    let p4 = x4 + from
    let p5 = x5 + from
    let count = load<i32>(segments, 4)
    for (; count >= 4; count -= 4) {
      let w0 = v128.load(weights)
      let w1 = v128.load(weights, 16)
      let v = v128.load32_splat(p0)
      s00 = madd(v, w0, s00)
      s01 = madd(v, w1, s01)
      v = v128.load32_splat(p1)
      s10 = madd(v, w0, s10)
      s11 = madd(v, w1, s11)
      v = v128.load32_splat(p2)
      s20 = madd(v, w0, s20)
      s21 = madd(v, w1, s21)
      v = v128.load32_splat(p3)
      s30 = madd(v, w0, s30)
      s31 = madd(v, w1, s31)
      v = v128.load32_splat(p4)
      s40 = madd(v, w0, s40)
      s41 = madd(v, w1, s41)
      v = v128.load32_splat(p5)
      s50 = madd(v, w0, s50)
      s51 = madd(v, w1, s51)
      w0 = v128.load(weights, 32)
      w1 = v128.load(weights, 48)
      v = v128.load32_splat(p0, 4)
      s00 = madd(v, w0, s00)
      s01 = madd(v, w1, s01)
      v = v128.load32_splat(p1, 4)
      s10 = madd(v, w0, s10)
      s11 = madd(v, w1, s11)
      v = v128.load32_splat(p2, 4)
      s20 = madd(v, w0, s20)
      s21 = madd(v, w1, s21)
      v = v128.load32_splat(p3, 4)
      s30 = madd(v, w0, s30)
      s31 = madd(v, w1, s31)
      v = v128.load32_splat(p4, 4)
      s40 = madd(v, w0, s40)
      s41 = madd(v, w1, s41)
      v = v128.load32_splat(p5, 4)
      s50 = madd(v, w0, s50)
      s51 = madd(v, w1, s51)
      w0 = v128.load(weights, 64)
      w1 = v128.load(weights, 80)
      v = v128.load32_splat(p0, 8)
      s00 = madd(v, w0, s00)
      s01 = madd(v, w1, s01)
      v = v128.load32_splat(p1, 8)
      s10 = madd(v, w0, s10)
      s11 = madd(v, w1, s11)
      v = v128.load32_splat(p2, 8)
      s20 = madd(v, w0, s20)
      s21 = madd(v, w1, s21)
      v = v128.load32_splat(p3, 8)
      s30 = madd(v, w0, s30)
      s31 = madd(v, w1, s31)
      v = v128.load32_splat(p4, 8)
      s40 = madd(v, w0, s40)
      s41 = madd(v, w1, s41)
      v = v128.load32_splat(p5, 8)
      s50 = madd(v, w0, s50)
      s51 = madd(v, w1, s51)
      w0 = v128.load(weights, 96)
      w1 = v128.load(weights, 112)
      v = v128.load32_splat(p0, 12)
      s00 = madd(v, w0, s00)
      s01 = madd(v, w1, s01)
      v = v128.load32_splat(p1, 12)
      s10 = madd(v, w0, s10)
      s11 = madd(v, w1, s11)
      v = v128.load32_splat(p2, 12)
      s20 = madd(v, w0, s20)
      s21 = madd(v, w1, s21)
      v = v128.load32_splat(p3, 12)
      s30 = madd(v, w0, s30)
      s31 = madd(v, w1, s31)
      v = v128.load32_splat(p4, 12)
      s40 = madd(v, w0, s40)
      s41 = madd(v, w1, s41)
      v = v128.load32_splat(p5, 12)
      s50 = madd(v, w0, s50)
      s51 = madd(v, w1, s51)
      p0 += 16
      p1 += 16
      p2 += 16
      p3 += 16
      p4 += 16
      p5 += 16
      weights += 128
    }
    for (; count > 0; count--) {
      let w0 = v128.load(weights)
      let w1 = v128.load(weights, 16)
      let v = v128.load32_splat(p0)
      s00 = madd(v, w0, s00)
      s01 = madd(v, w1, s01)
      v = v128.load32_splat(p1)
      s10 = madd(v, w0, s10)
      s11 = madd(v, w1, s11)
      v = v128.load32_splat(p2)
      s20 = madd(v, w0, s20)
      s21 = madd(v, w1, s21)
      v = v128.load32_splat(p3)
      s30 = madd(v, w0, s30)
      s31 = madd(v, w1, s31)
      v = v128.load32_splat(p4)
      s40 = madd(v, w0, s40)
      s41 = madd(v, w1, s41)
      v = v128.load32_splat(p5)
      s50 = madd(v, w0, s50)
      s51 = madd(v, w1, s51)
      p0 += 4
      p1 += 4
      p2 += 4
      p3 += 4
      p4 += 4
      p5 += 4
      weights += 32
    }
  }
  finish(out, outOffsets + 0, residual, residualOffsets + 0, s00, s01, lanes, low, high)
  finish(out, outOffsets + 4, residual, residualOffsets + 4, s10, s11, lanes, low, high)
  finish(out, outOffsets + 8, residual, residualOffsets + 8, s20, s21, lanes, low, high)
  finish(out, outOffsets + 12, residual, residualOffsets + 12, s30, s31, lanes, low, high)
  finish(out, outOffsets + 16, residual, residualOffsets + 16, s40, s41, lanes, low, high)
  finish(out, outOffsets + 20, residual, residualOffsets + 20, s50, s51, lanes, low, high)
}

/**
 * Sums for TILE_ROWS pixels and 8 channels, finished and stored.
 *
 * @param xOffsets, outOffsets, residualOffsets u32, one a pixel
 * @param segments pairs of i32
 * @param weights a panel: for each number of the window 8 weights side by side
 * @param bias 8 numbers
 * @param residual a map that is added, or 0
 * @param lanes how many of the 8 channels exist
 */
// @ts-ignore: decorator
@inline
export function tile(
  x: usize,
  xOffsets: usize,
  segments: usize,
  segmentCount: i32,
  weights: usize,
  bias: usize,
  out: usize,
  outOffsets: usize,
  residual: usize,
  residualOffsets: usize,
  lanes: i32,
  low: v128,
  high: v128,
): void {
  // prettier-ignore
  if (ASC_FEATURE_RELAXED_SIMD) {
    tile6(x, xOffsets, segments, segmentCount, weights, bias, out, outOffsets, residual, residualOffsets, lanes, low, high)
  } else {
    tile5(x, xOffsets, segments, segmentCount, weights, bias, out, outOffsets, residual, residualOffsets, lanes, low, high)
  }
}
