// The one product of the network engine: sums over what a window of a map holds, for four pixels and 8 channels.
//
// Pixels are named by tables of byte offsets, so a tile may gather them from the ends of rows and from several
// pictures. A window is a list of segments that are the same for every pixel: (byte offset, count) of numbers that
// lie side by side. Maps are channels last, so a row of a window without dilation is one segment.
//
// Sums go through the segments in order, one number after the other, whatever the tile: a picture has the same bits
// alone and in a batch.

import { madd } from '../simd'
import { Finish } from './activation'

/**
 * Pixels of a tile. The 5 and 6 rows of assembly/gemm.ts, whose rows lie side by side, are no faster here: each pixel
 * has an address of its own, and V8 spills vectors (with 5 rows or an unrolled loop: a quarter slower under Node 20).
 */
export const TILE_PIXELS: i32 = 4

/** Adds the residual, clamps, and stores the `lanes` (at most 8) channels of a pixel that exist. */
// @ts-ignore: decorator
@inline
function finishPixel(
  out: usize,
  outOffset: usize,
  residual: usize,
  residualOffset: usize,
  sum0: v128,
  sum1: v128,
  lanes: i32,
  finish: usize,
): void {
  const at = out + load<u32>(outOffset)
  const low = f32x4.splat(changetype<Finish>(finish).low)
  const high = f32x4.splat(changetype<Finish>(finish).high)
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

/**
 * Sums for TILE_PIXELS pixels and 8 channels, finished and stored.
 *
 * @param xOffsets, outOffsets, residualOffsets u32, one a pixel
 * @param segments pairs of i32
 * @param weights a panel: for each number of the window 8 weights side by side
 * @param bias 8 numbers
 * @param residual a map that is added, or 0
 * @param lanes how many of the 8 channels exist
 * @param finish address of a `Finish`, of which only the clamp is looked at
 */
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
  finish: usize,
): void {
  const x0 = x + load<u32>(xOffsets)
  const x1 = x + load<u32>(xOffsets, 4)
  const x2 = x + load<u32>(xOffsets, 8)
  const x3 = x + load<u32>(xOffsets, 12)
  let s00 = v128.load(bias)
  let s01 = v128.load(bias, 16)
  let s10 = s00
  let s11 = s01
  let s20 = s00
  let s21 = s01
  let s30 = s00
  let s31 = s01
  for (const end = segments + <usize>segmentCount * 8; segments < end; segments += 8) {
    const from = load<u32>(segments)
    let p0 = x0 + from
    let p1 = x1 + from
    let p2 = x2 + from
    let p3 = x3 + from
    const stop = p0 + <usize>load<i32>(segments, 4) * 4
    while (p0 < stop) {
      const w0 = v128.load(weights)
      const w1 = v128.load(weights, 16)
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
      weights += 32
      p0 += 4
      p1 += 4
      p2 += 4
      p3 += 4
    }
  }
  finishPixel(out, outOffsets, residual, residualOffsets, s00, s01, lanes, finish)
  finishPixel(out, outOffsets + 4, residual, residualOffsets + 4, s10, s11, lanes, finish)
  finishPixel(out, outOffsets + 8, residual, residualOffsets + 8, s20, s21, lanes, finish)
  finishPixel(out, outOffsets + 12, residual, residualOffsets + 12, s30, s31, lanes, finish)
}
