// Depthwise convolutions, four pixels and four channels at a time.

import { madd } from '../simd'
import { activateRows, Epilogue, NONE } from './activation'

/** Pixels of a tile. */
export const DEPTHWISE_PIXELS: i32 = 4

/** Pixels whose sums are stored before they are activated, so few that they are still in the cache. */
const PIXEL_BLOCK: i32 = 64

/**
 * out[pixel][channel] = epilogue(bias[channel] + sum over the taps of x[pixel + tap][channel] * weights[tap][channel] +
 * residual[pixel][channel]).
 *
 * Offset tables are of u32 bytes, and go on for DEPTHWISE_PIXELS - 1 pixels behind the last one.
 *
 * @param taps i32: byte offsets from the pixel
 * @param weights [taps][channels]
 * @param channels a multiple of 4
 * @param epilogueAddress address of an `Epilogue`
 */
export function depthwise(
  x: usize,
  xOffsets: usize,
  pixels: i32,
  taps: usize,
  tapCount: i32,
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
  for (let from = 0; from < pixels; from += PIXEL_BLOCK) {
    const to = min(from + PIXEL_BLOCK, pixels)
    for (let i = from; i < to; i += DEPTHWISE_PIXELS) {
      const at = <usize>i * 4
      const added = residual ? residualOffsets + at : 0
      sums(
        x,
        xOffsets + at,
        taps,
        tapCount,
        weights,
        bias,
        channels,
        out,
        outOffsets + at,
        residual,
        added,
        low,
        high,
      )
    }
    if (epilogue.kind != NONE) activateRows(out, outOffsets + <usize>from * 4, to - from, channels, epilogue)
  }
}

function sums(
  x: usize,
  xOffsets: usize,
  taps: usize,
  tapCount: i32,
  weights: usize,
  bias: usize,
  channels: i32,
  out: usize,
  outOffsets: usize,
  residual: usize,
  residualOffsets: usize,
  low: v128,
  high: v128,
): void {
  const rowBytes = <usize>channels * 4
  const lastTap = taps + <usize>tapCount * 4
  let x0 = x + load<u32>(xOffsets)
  let x1 = x + load<u32>(xOffsets, 4)
  let x2 = x + load<u32>(xOffsets, 8)
  let x3 = x + load<u32>(xOffsets, 12)
  for (let at: usize = 0; at < rowBytes; at += 16) {
    let s0 = v128.load(bias + at)
    let s1 = s0
    let s2 = s0
    let s3 = s0
    let weight = weights + at
    for (let tap = taps; tap < lastTap; tap += 4) {
      const step = load<u32>(tap)
      const w = v128.load(weight)
      s0 = madd(v128.load(x0 + step), w, s0)
      s1 = madd(v128.load(x1 + step), w, s1)
      s2 = madd(v128.load(x2 + step), w, s2)
      s3 = madd(v128.load(x3 + step), w, s3)
      weight += rowBytes
    }
    if (residual) {
      const added = residual + at
      s0 = f32x4.add(s0, v128.load(added + load<u32>(residualOffsets)))
      s1 = f32x4.add(s1, v128.load(added + load<u32>(residualOffsets, 4)))
      s2 = f32x4.add(s2, v128.load(added + load<u32>(residualOffsets, 8)))
      s3 = f32x4.add(s3, v128.load(added + load<u32>(residualOffsets, 12)))
    }
    const to = out + at
    v128.store(to + load<u32>(outOffsets), f32x4.pmin(f32x4.pmax(s0, low), high))
    v128.store(to + load<u32>(outOffsets, 4), f32x4.pmin(f32x4.pmax(s1, low), high))
    v128.store(to + load<u32>(outOffsets, 8), f32x4.pmin(f32x4.pmax(s2, low), high))
    v128.store(to + load<u32>(outOffsets, 12), f32x4.pmin(f32x4.pmax(s3, low), high))
    x0 += 16
    x1 += 16
    x2 += 16
    x3 += 16
  }
}
