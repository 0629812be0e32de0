// LayerNormalization and softmax over the channels of each pixel.

import { exp4 } from './activation'

/**
 * LayerNormalization over the channels: (x - mean) / sqrt(variance + epsilon) * scale + bias. Sums are in float64.
 *
 * @param xOffsets, outOffsets u32 bytes, one a pixel
 * @param channels rows have room up to a multiple of 4; the numbers beyond are overwritten
 * @param scale, bias one number per channel, readable up to a multiple of 4
 */
export function layerNorm(
  x: usize,
  xOffsets: usize,
  pixels: i32,
  channels: i32,
  epsilon: f32,
  scale: usize,
  bias: usize,
  out: usize,
  outOffsets: usize,
): void {
  for (let i = 0; i < pixels; i++) {
    const from = x + load<u32>(xOffsets + <usize>i * 4)
    const to = out + load<u32>(outOffsets + <usize>i * 4)
    const bytes = <usize>channels * 4
    let sum: f64 = 0
    for (let at: usize = 0; at < bytes; at += 4) sum += <f64>f32.load(from + at)
    const mean = sum / <f64>channels
    let squares: f64 = 0
    for (let at: usize = 0; at < bytes; at += 4) {
      const distance = <f64>f32.load(from + at) - mean
      squares += distance * distance
    }
    const factor = f32x4.splat(<f32>(1 / Math.sqrt(squares / <f64>channels + <f64>epsilon)))
    const centre = f32x4.splat(<f32>mean)
    for (let at: usize = 0; at < bytes; at += 16) {
      const normal = f32x4.mul(f32x4.sub(v128.load(from + at), centre), factor)
      v128.store(to + at, f32x4.add(f32x4.mul(normal, v128.load(scale + at)), v128.load(bias + at)))
    }
  }
}

/**
 * Softmax over the channels: e^(x - the greatest) over their sum.
 *
 * @param xOffsets, outOffsets u32 bytes, one a pixel
 * @param channels rows have room up to a multiple of 4; the numbers beyond are overwritten
 */
export function softmax(
  x: usize,
  xOffsets: usize,
  pixels: i32,
  channels: i32,
  out: usize,
  outOffsets: usize,
): void {
  const bytes = <usize>channels * 4
  for (let i = 0; i < pixels; i++) {
    const from = x + load<u32>(xOffsets + <usize>i * 4)
    const to = out + load<u32>(outOffsets + <usize>i * 4)
    let most = f32.load(from)
    for (let at: usize = 4; at < bytes; at += 4) most = max(most, f32.load(from + at))
    const greatest = f32x4.splat(most)
    for (let at: usize = 0; at < bytes; at += 16) {
      v128.store(to + at, exp4(f32x4.sub(v128.load(from + at), greatest)))
    }
    let sum: f64 = 0
    for (let at: usize = 0; at < bytes; at += 4) sum += <f64>f32.load(to + at)
    // A NaN among the numbers is the greatest of them, and makes all of the answer NaN.
    const factor = f32x4.splat(isNaN(most) ? NaN : <f32>(1 / sum))
    for (let at: usize = 0; at < bytes; at += 16) v128.store(to + at, f32x4.mul(v128.load(to + at), factor))
  }
}
