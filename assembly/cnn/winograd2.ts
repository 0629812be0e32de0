// The transforms of Winograd's F(2 x 2, 3 x 3): 4 x 4 numbers of a map to 16 planes, and 16 sums to 2 x 2 pixels.

import { Finish } from './activation'
import { finishVector } from './winograd-finish'

/** All channels of one tile to its planes, `step` bytes from plane to plane: B^T d B. */
export function inputTile2(
  from: usize,
  rowBytes: usize,
  pixelBytes: usize,
  to: usize,
  step: usize,
  scratch: usize,
): void {
  const step2: usize = 2 * step
  const step3: usize = 3 * step
  for (const end = from + pixelBytes; from < end; from += 16) {
    let r0 = from
    let r1 = r0 + rowBytes
    let r2 = r1 + rowBytes
    let r3 = r2 + rowBytes
    for (let at = scratch, last = scratch + 64; at < last; at += 16) {
      const d0 = v128.load(r0)
      const d1 = v128.load(r1)
      const d2 = v128.load(r2)
      const d3 = v128.load(r3)
      v128.store(at, f32x4.sub(d0, d2))
      v128.store(at, f32x4.add(d1, d2), 64)
      v128.store(at, f32x4.sub(d2, d1), 128)
      v128.store(at, f32x4.sub(d1, d3), 192)
      r0 += pixelBytes
      r1 += pixelBytes
      r2 += pixelBytes
      r3 += pixelBytes
    }
    let plane = to
    for (let at = scratch, last = scratch + 256; at < last; at += 64) {
      const d0 = v128.load(at)
      const d1 = v128.load(at, 16)
      const d2 = v128.load(at, 32)
      const d3 = v128.load(at, 48)
      v128.store(plane, f32x4.sub(d0, d2))
      v128.store(plane + step, f32x4.add(d1, d2))
      v128.store(plane + step2, f32x4.sub(d2, d1))
      v128.store(plane + step3, f32x4.sub(d1, d3))
      plane += step3 + step
    }
    to += 16
  }
}

/** One vector of channels of a tile's sums, `step` bytes from plane to plane, to its pixels: A^T m A. */
export function outputTile2(
  from: usize,
  step: usize,
  bias: usize,
  to: usize,
  rowBytes: usize,
  pixelBytes: usize,
  rows: i32,
  columns: i32,
  residual: usize,
  residualRowBytes: usize,
  residualPixelBytes: usize,
  finish: usize,
  scratch: usize,
): void {
  const b = v128.load(bias)
  const low = f32x4.splat(changetype<Finish>(finish).low)
  const high = f32x4.splat(changetype<Finish>(finish).high)
  for (let at = scratch, last = scratch + 128; at < last; at += 32) {
    const m0 = v128.load(from)
    const m1 = v128.load(from + step)
    const m2 = v128.load(from + 2 * step)
    const m3 = v128.load(from + 3 * step)
    v128.store(at, f32x4.add(f32x4.add(m0, m1), m2))
    v128.store(at, f32x4.sub(f32x4.sub(m1, m2), m3), 16)
    from += 4 * step
  }
  for (const last = scratch + <usize>columns * 16; scratch < last; scratch += 16) {
    const m0 = v128.load(scratch)
    const m1 = v128.load(scratch, 32)
    const m2 = v128.load(scratch, 64)
    const m3 = v128.load(scratch, 96)
    finishVector(to, residual, f32x4.add(f32x4.add(f32x4.add(m0, m1), m2), b), low, high)
    if (rows > 1) {
      const added = residual ? residual + residualRowBytes : 0
      const made = f32x4.add(f32x4.sub(f32x4.sub(m1, m2), m3), b)
      finishVector(to + rowBytes, added, made, low, high)
    }
    to += pixelBytes
    if (residual) residual += residualPixelBytes
  }
}
