// The transforms of Winograd's F(4 x 4, 3 x 3): 6 x 6 numbers of a map to 36 planes, and 36 sums to 4 x 4 pixels.
// Both go through a tile of vectors that stays in the first-level cache: columns first, then rows.

import { madd } from '../simd'
import { Finish } from './activation'
import { finishVector } from './winograd-finish'

/** All channels of one tile to its planes, `step` bytes from plane to plane: B^T d B. */
export function inputTile4(
  from: usize,
  rowBytes: usize,
  pixelBytes: usize,
  to: usize,
  step: usize,
  scratch: usize,
): void {
  const four = f32x4.splat(4)
  const minusFour = f32x4.splat(-4)
  const step2: usize = 2 * step
  const step3: usize = 3 * step
  const step4: usize = 4 * step
  const step5: usize = 5 * step
  for (const end = from + pixelBytes; from < end; from += 16) {
    let r0 = from
    let r1 = r0 + rowBytes
    let r2 = r1 + rowBytes
    let r3 = r2 + rowBytes
    let r4 = r3 + rowBytes
    let r5 = r4 + rowBytes
    for (let at = scratch, last = scratch + 96; at < last; at += 16) {
      const d0 = v128.load(r0)
      const d1 = v128.load(r1)
      const d2 = v128.load(r2)
      const d3 = v128.load(r3)
      const d4 = v128.load(r4)
      const d5 = v128.load(r5)
      const even = f32x4.sub(d4, d2)
      const odd = f32x4.sub(d3, d1)
      const twice = f32x4.add(odd, odd)
      const wideEven = madd(minusFour, d2, d4)
      const wideOdd = madd(minusFour, d1, d3)
      v128.store(at, madd(four, f32x4.sub(d0, d2), even))
      v128.store(at, f32x4.add(wideEven, wideOdd), 96)
      v128.store(at, f32x4.sub(wideEven, wideOdd), 192)
      v128.store(at, f32x4.add(even, twice), 288)
      v128.store(at, f32x4.sub(even, twice), 384)
      v128.store(at, madd(minusFour, odd, f32x4.sub(d5, d3)), 480)
      r0 += pixelBytes
      r1 += pixelBytes
      r2 += pixelBytes
      r3 += pixelBytes
      r4 += pixelBytes
      r5 += pixelBytes
    }
    let plane = to
    for (let at = scratch, last = scratch + 576; at < last; at += 96) {
      const d0 = v128.load(at)
      const d1 = v128.load(at, 16)
      const d2 = v128.load(at, 32)
      const d3 = v128.load(at, 48)
      const d4 = v128.load(at, 64)
      const d5 = v128.load(at, 80)
      const even = f32x4.sub(d4, d2)
      const odd = f32x4.sub(d3, d1)
      const twice = f32x4.add(odd, odd)
      const wideEven = madd(minusFour, d2, d4)
      const wideOdd = madd(minusFour, d1, d3)
      v128.store(plane, madd(four, f32x4.sub(d0, d2), even))
      v128.store(plane + step, f32x4.add(wideEven, wideOdd))
      v128.store(plane + step2, f32x4.sub(wideEven, wideOdd))
      v128.store(plane + step3, f32x4.add(even, twice))
      v128.store(plane + step4, f32x4.sub(even, twice))
      v128.store(plane + step5, madd(minusFour, odd, f32x4.sub(d5, d3)))
      plane += step5 + step
    }
    to += 16
  }
}

/** One vector of channels of a tile's sums, `step` bytes from plane to plane, to its pixels: out = A^T m A. */
export function outputTile4(
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
  const two = f32x4.splat(2)
  const four = f32x4.splat(4)
  const eight = f32x4.splat(8)
  const step2: usize = 2 * step
  const step3: usize = 3 * step
  const step4: usize = 4 * step
  const step5: usize = 5 * step
  for (let at = scratch, last = scratch + 384; at < last; at += 64) {
    const m0 = v128.load(from)
    const m1 = v128.load(from + step)
    const m2 = v128.load(from + step2)
    const m3 = v128.load(from + step3)
    const m4 = v128.load(from + step4)
    const m5 = v128.load(from + step5)
    const sum = f32x4.add(m1, m2)
    const difference = f32x4.sub(m1, m2)
    const farSum = f32x4.add(m3, m4)
    const farDifference = f32x4.sub(m3, m4)
    v128.store(at, f32x4.add(f32x4.add(m0, sum), farSum))
    v128.store(at, madd(two, farDifference, difference), 16)
    v128.store(at, madd(four, farSum, sum), 32)
    v128.store(at, f32x4.add(madd(eight, farDifference, difference), m5), 48)
    from += step5 + step
  }
  const row2: usize = 2 * rowBytes
  const residualRow2: usize = 2 * residualRowBytes
  for (const last = scratch + <usize>columns * 16; scratch < last; scratch += 16) {
    const m0 = v128.load(scratch)
    const m1 = v128.load(scratch, 64)
    const m2 = v128.load(scratch, 128)
    const m3 = v128.load(scratch, 192)
    const m4 = v128.load(scratch, 256)
    const m5 = v128.load(scratch, 320)
    const sum = f32x4.add(f32x4.add(m1, m2), b)
    const difference = f32x4.add(f32x4.sub(m1, m2), b)
    const farSum = f32x4.add(m3, m4)
    const farDifference = f32x4.sub(m3, m4)
    finishVector(to, residual, f32x4.add(f32x4.add(m0, sum), farSum), low, high)
    if (rows > 1) {
      const added = residual ? residual + residualRowBytes : 0
      finishVector(to + rowBytes, added, madd(two, farDifference, difference), low, high)
    }
    if (rows > 2) {
      const added = residual ? residual + residualRow2 : 0
      finishVector(to + row2, added, madd(four, farSum, sum), low, high)
    }
    if (rows > 3) {
      const added = residual ? residual + residualRow2 + residualRowBytes : 0
      const made = f32x4.add(madd(eight, farDifference, difference), m5)
      finishVector(to + row2 + rowBytes, added, made, low, high)
    }
    to += pixelBytes
    if (residual) residual += residualPixelBytes
  }
}
