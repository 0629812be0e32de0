// Gradients of the weights of convolutions, from the map that a convolution read and the gradient of the one that it made.

import { madd } from '../simd'
import { OUTER, outerProducts, packRows } from './outer'

/**
 * gradient[tap][channel][filter] += sum over the pixels of x[pixel + tap][channel] * dy[pixel][filter].
 *
 * @param xOffsets, dyOffsets u32 bytes, one a pixel
 * @param block pixels whose gradients are packed side by side, so that they stay in the first-level cache
 * @param taps u32 bytes from a pixel, one a tap
 * @param channels of a tap: if those of the pixels of a row lie side by side, a row of the window counts as one tap
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
  for (let at: usize = 0; at < <usize>channels * 4; at += 16) {
    let sum = v128.load(sums + at)
    for (let offset = offsets; offset < end; offset += 4) {
      sum = f32x4.add(sum, v128.load(y + load<u32>(offset) + at))
    }
    v128.store(sums + at, sum)
  }
}
