// Gradients of the weights of convolutions, from the map that a convolution read and the gradient of the one that it made.

import { madd } from '../../simd'
import { exchangeFour } from '../../exchange'
import { OUTER, outerProducts, packRows } from './outer'

/**
 * gradient[tap][channel][filter] += sum over the output pixels p of x[corner(p) + tap][channel] * dy[p][filter], where
 * corner(p) is the first input pixel of the window of p.
 *
 * @param xOffsets, dyOffsets addresses of u32 offsets in bytes, one per output pixel: of its window's corner in x, and in dy
 * @param block pixels whose gradients are packed side by side, so that they stay in the first-level cache
 * @param taps address of u32 offsets in bytes from the corner, one per tap
 * @param channels values per tap; where a row of the window is contiguous, it is one tap with the channels of all its pixels
 * @param filterBytes from one channel of the gradient to the next: the filters, rounded up to OUTER
 * @param packed room for block x OUTER numbers
 */
export function weightGradient(
  x: usize,
  xOffsets: usize,
  pixels: i32,
  block: i32,
  taps: usize,
  tapCount: i32,
  channels: i32,
  dy: usize,
  dyOffsets: usize,
  filters: i32,
  gradient: usize,
  filterBytes: usize,
  packed: usize,
): void {
  const tapBytes = <usize>channels * filterBytes
  for (let from = 0; from < pixels; from += block) {
    const count = min(block, pixels - from)
    const table = <usize>from * 4
    for (let filter = 0; filter < filters; filter += OUTER) {
      const at = <usize>filter * 4
      packRows(dy + at, dyOffsets + table, count, filters - filter, packed)
      let sums = gradient + at
      for (let tap = 0; tap < tapCount; tap++) {
        const corner = x + load<u32>(taps + <usize>tap * 4)
        outerProducts(corner, xOffsets + table, count, channels, packed, sums, filterBytes, false)
        sums += tapBytes
      }
    }
  }
}

/**
 * The same where each channel has a filter of its own: gradient[tap][channel] += sum over the pixels of
 * x[pixel + tap][channel] * dy[pixel][channel].
 *
 * @param channels a multiple of 4
 */
export function depthwiseGradient(
  x: usize,
  xOffsets: usize,
  pixels: i32,
  taps: usize,
  tapCount: i32,
  channels: i32,
  dy: usize,
  dyOffsets: usize,
  gradient: usize,
): void {
  const rowBytes = <usize>channels * 4
  const end = xOffsets + <usize>pixels * 4
  for (let tap = 0; tap < tapCount; tap++) {
    const corner = x + load<u32>(taps + <usize>tap * 4)
    for (let at: usize = 0; at < rowBytes; at += 16) {
      let sum = v128.load(gradient + at)
      let dyOffset = dyOffsets
      for (let offset = xOffsets; offset < end; offset += 4) {
        sum = madd(v128.load(corner + load<u32>(offset) + at), v128.load(dy + load<u32>(dyOffset) + at), sum)
        dyOffset += 4
      }
      v128.store(gradient + at, sum)
    }
    gradient += rowBytes
  }
}

/** sums[channel] += sum over the pixels of y[pixel][channel]. @param channels a multiple of 4 */
export function channelSums(y: usize, offsets: usize, pixels: i32, channels: i32, sums: usize): void {
  const end = offsets + <usize>pixels * 4
  let channel = 0
  for (; channel + 16 <= channels; channel += 16) {
    let s0 = v128.load(sums)
    let s1 = v128.load(sums, 16)
    let s2 = v128.load(sums, 32)
    let s3 = v128.load(sums, 48)
    for (let offset = offsets; offset < end; offset += 4) {
      const at = y + load<u32>(offset)
      s0 = f32x4.add(s0, v128.load(at))
      s1 = f32x4.add(s1, v128.load(at, 16))
      s2 = f32x4.add(s2, v128.load(at, 32))
      s3 = f32x4.add(s3, v128.load(at, 48))
    }
    v128.store(sums, s0)
    v128.store(sums, s1, 16)
    v128.store(sums, s2, 32)
    v128.store(sums, s3, 48)
    y += 64
    sums += 64
  }
  for (; channel < channels; channel += 4) {
    let sum = v128.load(sums)
    for (let offset = offsets; offset < end; offset += 4)
      sum = f32x4.add(sum, v128.load(y + load<u32>(offset)))
    v128.store(sums, sum)
    y += 16
    sums += 16
  }
}

/**
 * Writes sums of gradients in the order of ONNX, [filters][channels][taps], times a factor.
 *
 * @param sums the filters innermost, rounded up to OUTER
 * @param channelBytes, tapBytes from one channel or tap of the sums to the next
 */
export function unpackGradient(
  sums: usize,
  channelBytes: usize,
  tapBytes: usize,
  filters: i32,
  channels: i32,
  taps: i32,
  factor: f32,
  to: usize,
): void {
  const filterBytes = <usize>(channels * taps) * 4
  // Where one number follows the other at the same distance, four filters of four numbers are exchanged at a time.
  const isEven = taps == 1 || channelBytes == <usize>taps * tapBytes
  const step = taps == 1 ? channelBytes : tapBytes
  const numbers = isEven ? (channels * taps) & ~3 : 0
  const factors = f32x4.splat(factor)
  for (let filter = 0; filter < filters; filter += OUTER) {
    const count = min(OUTER, filters - filter)
    const fours = numbers > 0 ? count & ~3 : 0
    for (let i = 0; i < numbers; i += 4) {
      const from = sums + <usize>i * step
      const at = to + <usize>i * 4
      for (let own = 0; own < fours; own += 4) {
        exchangeFour(from + <usize>own * 4, step, true, factors, at + <usize>own * filterBytes, filterBytes)
      }
    }
    for (let i = fours == count ? numbers : 0; i < channels * taps; i++) {
      const from = sums + <usize>(i / taps) * channelBytes + <usize>(i % taps) * tapBytes
      const at = to + <usize>i * 4
      for (let own = i < numbers ? fours : 0; own < count; own++) {
        f32.store(at + <usize>own * filterBytes, f32.load(from + <usize>own * 4) * factor)
      }
    }
    sums += <usize>OUTER * 4
    to += <usize>OUTER * filterBytes
  }
}

/** Adds numbers to others. @param count a multiple of 4 */
export function addNumbers(from: usize, count: i32, to: usize): void {
  for (const end = from + <usize>count * 4; from < end; from += 16) {
    v128.store(to, f32x4.add(v128.load(to), v128.load(from)))
    to += 16
  }
}
