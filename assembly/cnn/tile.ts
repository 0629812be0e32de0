// The products of the network engine: sums over what a window of a map holds, for a few pixels and channels.
//
// Pixels are named by tables of byte offsets, so a tile may gather them from the ends of rows and from several
// pictures. A window is a list of segments that are the same for every pixel: (byte offset, count) of numbers that
// lie side by side. Maps are channels last, so a row of a window without dilation is one segment.
//
// Sums go through the segments in order, one number after the other, whatever the tile: a picture has the same bits
// alone and in a batch.
//
// A panel is what a tile reads of the weights: for each number of the window those of WIDE channels side by side. The
// last panel has NARROW channels where that is enough.

import { madd } from '../simd'
import { Epilogue } from './activation'
import { storeLanes } from './layout'

/**
 * Channels of a panel, which are as many vectors as V8 keeps in registers: 2 x 4 sums, 4 weights, a pixel and a
 * product. Each pixel has an address of its own to count on, so that 2 pixels of 16 channels are 5 % faster than 4 of
 * 8 in the strict build and as fast in the relaxed one (Node 26; under Node 20 12 %). With more sums, or an unrolled
 * loop, V8 spills vectors: a quarter slower.
 */
export const WIDE: i32 = 16
export const NARROW: i32 = 8
const WIDE_PIXELS: i32 = 2

/** Pixels of the tiles of a narrow panel, and what tables of offsets are rounded up to. */
export const TILE_PIXELS: i32 = 4

// In this order of arguments a NaN stays one.
// @ts-ignore: decorator
@inline
function clamp(sum: v128, low: v128, high: v128): v128 {
  return f32x4.pmin(f32x4.pmax(sum, low), high)
}

/**
 * Computes and stores the sums of `pixels` pixels for the WIDE channels of a panel, with residual and clamp.
 *
 * @param xOffsets, outOffsets, residualOffsets u32, one a pixel
 * @param segments pairs of i32
 * @param bias as many numbers as the panel has channels; 0 continues from the sums that `out` holds
 * @param residual a map that is added, or 0
 * @param lanes how many channels exist from the panel's first one on
 * @param epilogueAddress address of an `Epilogue`, of which only the clamp is used; 0 stores the sums as they are
 */
export function wideTiles(
  x: usize,
  xOffsets: usize,
  pixels: i32,
  segments: usize,
  segmentCount: i32,
  panel: usize,
  bias: usize,
  out: usize,
  outOffsets: usize,
  residual: usize,
  residualOffsets: usize,
  lanes: i32,
  epilogueAddress: usize,
): void {
  const last = segments + <usize>segmentCount * 8
  for (const end = xOffsets + <usize>pixels * 4; xOffsets < end; xOffsets += 4 * WIDE_PIXELS) {
    const x0 = x + load<u32>(xOffsets)
    const x1 = x + load<u32>(xOffsets, 4)
    const to0 = out + load<u32>(outOffsets)
    const to1 = out + load<u32>(outOffsets, 4)
    const start0 = bias ? bias : to0
    const start1 = bias ? bias : to1
    let s00 = v128.load(start0)
    let s01 = v128.load(start0, 16)
    let s02 = v128.load(start0, 32)
    let s03 = v128.load(start0, 48)
    let s10 = v128.load(start1)
    let s11 = v128.load(start1, 16)
    let s12 = v128.load(start1, 32)
    let s13 = v128.load(start1, 48)
    let weights = panel
    for (let segment = segments; segment < last; segment += 8) {
      const from = load<u32>(segment)
      let p0 = x0 + from
      let p1 = x1 + from
      const stop = p0 + <usize>load<i32>(segment, 4) * 4
      while (p0 < stop) {
        const w0 = v128.load(weights)
        const w1 = v128.load(weights, 16)
        const w2 = v128.load(weights, 32)
        const w3 = v128.load(weights, 48)
        let v = v128.load32_splat(p0)
        s00 = madd(v, w0, s00)
        s01 = madd(v, w1, s01)
        s02 = madd(v, w2, s02)
        s03 = madd(v, w3, s03)
        v = v128.load32_splat(p1)
        s10 = madd(v, w0, s10)
        s11 = madd(v, w1, s11)
        s12 = madd(v, w2, s12)
        s13 = madd(v, w3, s13)
        weights += 64
        p0 += 4
        p1 += 4
      }
    }
    if (epilogueAddress) {
      if (residual) {
        const added0 = residual + load<u32>(residualOffsets)
        const added1 = residual + load<u32>(residualOffsets, 4)
        s00 = f32x4.add(s00, v128.load(added0))
        s01 = f32x4.add(s01, v128.load(added0, 16))
        s02 = f32x4.add(s02, v128.load(added0, 32))
        s03 = f32x4.add(s03, v128.load(added0, 48))
        s10 = f32x4.add(s10, v128.load(added1))
        s11 = f32x4.add(s11, v128.load(added1, 16))
        s12 = f32x4.add(s12, v128.load(added1, 32))
        s13 = f32x4.add(s13, v128.load(added1, 48))
      }
      const low = v128.load32_splat(epilogueAddress, offsetof<Epilogue>('low'))
      const high = v128.load32_splat(epilogueAddress, offsetof<Epilogue>('high'))
      s00 = clamp(s00, low, high)
      s01 = clamp(s01, low, high)
      s02 = clamp(s02, low, high)
      s03 = clamp(s03, low, high)
      s10 = clamp(s10, low, high)
      s11 = clamp(s11, low, high)
      s12 = clamp(s12, low, high)
      s13 = clamp(s13, low, high)
    }
    if (lanes >= WIDE) {
      v128.store(to0, s00)
      v128.store(to0, s01, 16)
      v128.store(to0, s02, 32)
      v128.store(to0, s03, 48)
      v128.store(to1, s10)
      v128.store(to1, s11, 16)
      v128.store(to1, s12, 32)
      v128.store(to1, s13, 48)
    } else {
      storeLanes(to0, s00, lanes)
      storeLanes(to0 + 16, s01, lanes - 4)
      storeLanes(to0 + 32, s02, lanes - 8)
      storeLanes(to0 + 48, s03, lanes - 12)
      storeLanes(to1, s10, lanes)
      storeLanes(to1 + 16, s11, lanes - 4)
      storeLanes(to1 + 32, s12, lanes - 8)
      storeLanes(to1 + 48, s13, lanes - 12)
    }
    outOffsets += 4 * WIDE_PIXELS
    residualOffsets += 4 * WIDE_PIXELS
  }
}

/** The same for a panel of NARROW channels. */
export function narrowTiles(
  x: usize,
  xOffsets: usize,
  pixels: i32,
  segments: usize,
  segmentCount: i32,
  panel: usize,
  bias: usize,
  out: usize,
  outOffsets: usize,
  residual: usize,
  residualOffsets: usize,
  lanes: i32,
  epilogueAddress: usize,
): void {
  const last = segments + <usize>segmentCount * 8
  for (const end = xOffsets + <usize>pixels * 4; xOffsets < end; xOffsets += 4 * TILE_PIXELS) {
    const x0 = x + load<u32>(xOffsets)
    const x1 = x + load<u32>(xOffsets, 4)
    const x2 = x + load<u32>(xOffsets, 8)
    const x3 = x + load<u32>(xOffsets, 12)
    const to0 = out + load<u32>(outOffsets)
    const to1 = out + load<u32>(outOffsets, 4)
    const to2 = out + load<u32>(outOffsets, 8)
    const to3 = out + load<u32>(outOffsets, 12)
    let start = bias ? bias : to0
    let s00 = v128.load(start)
    let s01 = v128.load(start, 16)
    start = bias ? bias : to1
    let s10 = v128.load(start)
    let s11 = v128.load(start, 16)
    start = bias ? bias : to2
    let s20 = v128.load(start)
    let s21 = v128.load(start, 16)
    start = bias ? bias : to3
    let s30 = v128.load(start)
    let s31 = v128.load(start, 16)
    let weights = panel
    for (let segment = segments; segment < last; segment += 8) {
      const from = load<u32>(segment)
      let p0 = x0 + from
      let p1 = x1 + from
      let p2 = x2 + from
      let p3 = x3 + from
      const stop = p0 + <usize>load<i32>(segment, 4) * 4
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
    if (epilogueAddress) {
      if (residual) {
        const added0 = residual + load<u32>(residualOffsets)
        const added1 = residual + load<u32>(residualOffsets, 4)
        const added2 = residual + load<u32>(residualOffsets, 8)
        const added3 = residual + load<u32>(residualOffsets, 12)
        s00 = f32x4.add(s00, v128.load(added0))
        s01 = f32x4.add(s01, v128.load(added0, 16))
        s10 = f32x4.add(s10, v128.load(added1))
        s11 = f32x4.add(s11, v128.load(added1, 16))
        s20 = f32x4.add(s20, v128.load(added2))
        s21 = f32x4.add(s21, v128.load(added2, 16))
        s30 = f32x4.add(s30, v128.load(added3))
        s31 = f32x4.add(s31, v128.load(added3, 16))
      }
      const low = v128.load32_splat(epilogueAddress, offsetof<Epilogue>('low'))
      const high = v128.load32_splat(epilogueAddress, offsetof<Epilogue>('high'))
      s00 = clamp(s00, low, high)
      s01 = clamp(s01, low, high)
      s10 = clamp(s10, low, high)
      s11 = clamp(s11, low, high)
      s20 = clamp(s20, low, high)
      s21 = clamp(s21, low, high)
      s30 = clamp(s30, low, high)
      s31 = clamp(s31, low, high)
    }
    if (lanes >= NARROW) {
      v128.store(to0, s00)
      v128.store(to0, s01, 16)
      v128.store(to1, s10)
      v128.store(to1, s11, 16)
      v128.store(to2, s20)
      v128.store(to2, s21, 16)
      v128.store(to3, s30)
      v128.store(to3, s31, 16)
    } else {
      storeLanes(to0, s00, lanes)
      storeLanes(to0 + 16, s01, lanes - 4)
      storeLanes(to1, s10, lanes)
      storeLanes(to1 + 16, s11, lanes - 4)
      storeLanes(to2, s20, lanes)
      storeLanes(to2 + 16, s21, lanes - 4)
      storeLanes(to3, s30, lanes)
      storeLanes(to3 + 16, s31, lanes - 4)
    }
    outOffsets += 4 * TILE_PIXELS
    residualOffsets += 4 * TILE_PIXELS
  }
}

/** Channels of the panel that begins at the first of `channels` that are left: WIDE, or NARROW if they are enough. */
// @ts-ignore: decorator
@inline
export function panelWidth(channels: i32): i32 {
  return channels <= NARROW ? NARROW : WIDE
}

/** Calls `wideTiles` or `narrowTiles`, by `panelWidth`. */
export function tiles(
  x: usize,
  xOffsets: usize,
  pixels: i32,
  segments: usize,
  segmentCount: i32,
  panel: usize,
  bias: usize,
  out: usize,
  outOffsets: usize,
  residual: usize,
  residualOffsets: usize,
  lanes: i32,
  epilogueAddress: usize,
): void {
  if (panelWidth(lanes) == WIDE) {
    wideTiles(
      x,
      xOffsets,
      pixels,
      segments,
      segmentCount,
      panel,
      bias,
      out,
      outOffsets,
      residual,
      residualOffsets,
      lanes,
      epilogueAddress,
    )
  } else {
    narrowTiles(
      x,
      xOffsets,
      pixels,
      segments,
      segmentCount,
      panel,
      bias,
      out,
      outOffsets,
      residual,
      residualOffsets,
      lanes,
      epilogueAddress,
    )
  }
}
