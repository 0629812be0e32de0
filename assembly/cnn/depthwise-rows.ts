// Convolutions of each channel by itself with windows of 3 x 3 or 5 x 5: four pixels side by side, which share most columns of
// their windows, and four channels at a time. The sums have the same order as in `depthwise`, so the bits are the same.

import { madd } from '../simd'
import { activateRows, Epilogue, NONE } from './activation'

/** Pixels of a tile, and the least width of a map. */
const TILE: i32 = 4

/** A tile. `side` and `stride` are constants where this is inlined. */
// @ts-ignore: decorator
@inline
function tile(
  side: i32,
  stride: i32,
  x: usize,
  rowBytes: usize,
  weights: usize,
  bias: usize,
  pixelBytes: usize,
  out: usize,
  outOffsets: usize,
  residual: usize,
  residualOffsets: usize,
  low: v128,
  high: v128,
): void {
  let to0 = out + load<u32>(outOffsets)
  let to1 = out + load<u32>(outOffsets, 4)
  let to2 = out + load<u32>(outOffsets, 8)
  let to3 = out + load<u32>(outOffsets, 12)
  for (const end = bias + pixelBytes; bias < end; bias += 16) {
    let s0 = v128.load(bias)
    let s1 = s0
    let s2 = s0
    let s3 = s0
    let row = x
    let tap = weights
    for (let r = 0; r < side; r++) {
      const w0 = v128.load(tap)
      tap += pixelBytes
      const w1 = v128.load(tap)
      tap += pixelBytes
      const w2 = v128.load(tap)
      tap += pixelBytes
      let p = row
      const x0 = v128.load(p)
      p += pixelBytes
      const x1 = v128.load(p)
      p += pixelBytes
      const x2 = v128.load(p)
      p += pixelBytes
      const x3 = v128.load(p)
      p += pixelBytes
      const x4 = v128.load(p)
      p += pixelBytes
      const x5 = v128.load(p)
      s0 = madd(x2, w2, madd(x1, w1, madd(x0, w0, s0)))
      if (stride == 1) {
        s1 = madd(x3, w2, madd(x2, w1, madd(x1, w0, s1)))
        s2 = madd(x4, w2, madd(x3, w1, madd(x2, w0, s2)))
        s3 = madd(x5, w2, madd(x4, w1, madd(x3, w0, s3)))
        if (side == 5) {
          const w3 = v128.load(tap)
          tap += pixelBytes
          const w4 = v128.load(tap)
          tap += pixelBytes
          const x6 = v128.load(p + pixelBytes)
          const x7 = v128.load(p + 2 * pixelBytes)
          s0 = madd(x4, w4, madd(x3, w3, s0))
          s1 = madd(x5, w4, madd(x4, w3, s1))
          s2 = madd(x6, w4, madd(x5, w3, s2))
          s3 = madd(x7, w4, madd(x6, w3, s3))
        }
      } else {
        p += pixelBytes
        const x6 = v128.load(p)
        p += pixelBytes
        const x7 = v128.load(p)
        p += pixelBytes
        const x8 = v128.load(p)
        s1 = madd(x4, w2, madd(x3, w1, madd(x2, w0, s1)))
        s2 = madd(x6, w2, madd(x5, w1, madd(x4, w0, s2)))
        s3 = madd(x8, w2, madd(x7, w1, madd(x6, w0, s3)))
        if (side == 5) {
          const w3 = v128.load(tap)
          tap += pixelBytes
          const w4 = v128.load(tap)
          tap += pixelBytes
          const x9 = v128.load(p + pixelBytes)
          const x10 = v128.load(p + 2 * pixelBytes)
          s0 = madd(x4, w4, madd(x3, w3, s0))
          s1 = madd(x6, w4, madd(x5, w3, s1))
          s2 = madd(x8, w4, madd(x7, w3, s2))
          s3 = madd(x10, w4, madd(x9, w3, s3))
        }
      }
      row += rowBytes
    }
    if (residual) {
      s0 = f32x4.add(s0, v128.load(residual + load<u32>(residualOffsets)))
      s1 = f32x4.add(s1, v128.load(residual + load<u32>(residualOffsets, 4)))
      s2 = f32x4.add(s2, v128.load(residual + load<u32>(residualOffsets, 8)))
      s3 = f32x4.add(s3, v128.load(residual + load<u32>(residualOffsets, 12)))
      residual += 16
    }
    v128.store(to0, f32x4.pmin(f32x4.pmax(s0, low), high))
    v128.store(to1, f32x4.pmin(f32x4.pmax(s1, low), high))
    v128.store(to2, f32x4.pmin(f32x4.pmax(s2, low), high))
    v128.store(to3, f32x4.pmin(f32x4.pmax(s3, low), high))
    x += 16
    weights += 16
    to0 += 16
    to1 += 16
    to2 += 16
    to3 += 16
  }
}

function tile31(
  x: usize,
  rowBytes: usize,
  weights: usize,
  bias: usize,
  pixelBytes: usize,
  out: usize,
  outOffsets: usize,
  residual: usize,
  residualOffsets: usize,
  low: v128,
  high: v128,
): void {
  tile(3, 1, x, rowBytes, weights, bias, pixelBytes, out, outOffsets, residual, residualOffsets, low, high)
}

function tile32(
  x: usize,
  rowBytes: usize,
  weights: usize,
  bias: usize,
  pixelBytes: usize,
  out: usize,
  outOffsets: usize,
  residual: usize,
  residualOffsets: usize,
  low: v128,
  high: v128,
): void {
  tile(3, 2, x, rowBytes, weights, bias, pixelBytes, out, outOffsets, residual, residualOffsets, low, high)
}

function tile51(
  x: usize,
  rowBytes: usize,
  weights: usize,
  bias: usize,
  pixelBytes: usize,
  out: usize,
  outOffsets: usize,
  residual: usize,
  residualOffsets: usize,
  low: v128,
  high: v128,
): void {
  tile(5, 1, x, rowBytes, weights, bias, pixelBytes, out, outOffsets, residual, residualOffsets, low, high)
}

function tile52(
  x: usize,
  rowBytes: usize,
  weights: usize,
  bias: usize,
  pixelBytes: usize,
  out: usize,
  outOffsets: usize,
  residual: usize,
  residualOffsets: usize,
  low: v128,
  high: v128,
): void {
  tile(5, 2, x, rowBytes, weights, bias, pixelBytes, out, outOffsets, residual, residualOffsets, low, high)
}

/**
 * out[pixel][channel] = epilogue(bias[channel] + sum over the window of x[pixel + tap][channel] * weights[tap][channel] +
 * residual[pixel][channel]).
 *
 * @param xOffsets u32 bytes, one a pixel, like the other tables
 * @param rows rows of pixels, of all pictures
 * @param width pixels of a row: at least 4
 * @param side 3 or 5: rows and columns of a window
 * @param stride 1 or 2, horizontally
 * @param rowBytes bytes of a row of x
 * @param weights [taps][channels]
 * @param channels a multiple of 4
 * @param epilogueAddress address of an `Epilogue`
 */
export function depthwiseRows(
  x: usize,
  xOffsets: usize,
  rows: i32,
  width: i32,
  side: i32,
  stride: i32,
  rowBytes: usize,
  weights: usize,
  bias: usize,
  channels: i32,
  out: usize,
  outOffsets: usize,
  residual: usize,
  residualOffsets: usize,
  epilogueAddress: usize,
): void {
  const epilogue = changetype<Epilogue>(epilogueAddress)
  const low = f32x4.splat(epilogue.low)
  const high = f32x4.splat(epilogue.high)
  const bytes = <usize>channels * 4
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < width; column += TILE) {
      // The last tile of a row begins earlier, and computes some pixels again, to the same bits.
      const at = <usize>(row * width + min(column, width - TILE)) * 4
      const from = x + load<u32>(xOffsets + at)
      const added = residual ? residualOffsets + at : 0
      if (stride == 1) {
        if (side == 3)
          tile31(from, rowBytes, weights, bias, bytes, out, outOffsets + at, residual, added, low, high)
        else tile51(from, rowBytes, weights, bias, bytes, out, outOffsets + at, residual, added, low, high)
      } else if (side == 3)
        tile32(from, rowBytes, weights, bias, bytes, out, outOffsets + at, residual, added, low, high)
      else tile52(from, rowBytes, weights, bias, bytes, out, outOffsets + at, residual, added, low, high)
    }
    if (epilogue.kind != NONE)
      activateRows(out, outOffsets + <usize>(row * width) * 4, width, channels, epilogue)
  }
}
