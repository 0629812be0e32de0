// The transforms of a Winograd form for 3 x 3 windows with stride 2 and tiles of 2 x 2 pixels. In one dimension two outputs
// are y0 = g0 d0 + g1 d1 + g2 d2 and y1 = g0 d2 + g1 d3 + g2 d4. The even numbers are a convolution with two taps,
// F(2, 2): (d0 - d2) g0, d2 (g0 + g2) and (d2 - d4) g2 are three products for four; the odd ones, d1 g1 and d3 g1, stay.
// So 5 planes for 2 outputs, 25 for 2 x 2, where 36 products were; and all factors are 1 or -1.

import { Finish } from './activation'
import { finishVector } from './winograd-finish'

/** All channels of one tile to its planes, `step` bytes from plane to plane. */
export function inputTileStrided(
  from: usize,
  rowBytes: usize,
  pixelBytes: usize,
  to: usize,
  step: usize,
  scratch: usize,
): void {
  const step2: usize = 2 * step
  const step3: usize = 3 * step
  const step4: usize = 4 * step
  for (const end = from + pixelBytes; from < end; from += 16) {
    let r0 = from
    let r1 = r0 + rowBytes
    let r2 = r1 + rowBytes
    let r3 = r2 + rowBytes
    let r4 = r3 + rowBytes
    for (let at = scratch, last = scratch + 80; at < last; at += 16) {
      const d0 = v128.load(r0)
      const d1 = v128.load(r1)
      const d2 = v128.load(r2)
      const d3 = v128.load(r3)
      const d4 = v128.load(r4)
      v128.store(at, f32x4.sub(d0, d2))
      v128.store(at, d2, 80)
      v128.store(at, f32x4.sub(d2, d4), 160)
      v128.store(at, d1, 240)
      v128.store(at, d3, 320)
      r0 += pixelBytes
      r1 += pixelBytes
      r2 += pixelBytes
      r3 += pixelBytes
      r4 += pixelBytes
    }
    let plane = to
    for (let at = scratch, last = scratch + 400; at < last; at += 80) {
      const d0 = v128.load(at)
      const d1 = v128.load(at, 16)
      const d2 = v128.load(at, 32)
      const d3 = v128.load(at, 48)
      const d4 = v128.load(at, 64)
      v128.store(plane, f32x4.sub(d0, d2))
      v128.store(plane + step, d2)
      v128.store(plane + step2, f32x4.sub(d2, d4))
      v128.store(plane + step3, d1)
      v128.store(plane + step4, d3)
      plane += step4 + step
    }
    to += 16
  }
}

/** One vector of channels of a tile's sums, `step` bytes from plane to plane, to its pixels. */
export function outputTileStrided(
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
  for (let at = scratch, last = scratch + 160; at < last; at += 32) {
    const m1 = v128.load(from + step)
    v128.store(at, f32x4.add(f32x4.add(v128.load(from), m1), v128.load(from + 3 * step)))
    v128.store(at, f32x4.add(f32x4.sub(m1, v128.load(from + 2 * step)), v128.load(from + 4 * step)), 16)
    from += 5 * step
  }
  for (const last = scratch + <usize>columns * 16; scratch < last; scratch += 16) {
    const m1 = f32x4.add(v128.load(scratch, 32), b)
    const upper = f32x4.add(f32x4.add(v128.load(scratch), m1), v128.load(scratch, 96))
    finishVector(to, residual, upper, low, high)
    if (rows > 1) {
      const added = residual ? residual + residualRowBytes : 0
      const lower = f32x4.add(f32x4.sub(m1, v128.load(scratch, 64)), v128.load(scratch, 128))
      finishVector(to + rowBytes, added, lower, low, high)
    }
    to += pixelBytes
    if (residual) residual += residualPixelBytes
  }
}

/** 9 numbers of a window to the weights of 16 planes; the planes of d1 and of d3 have the same. */
// @ts-ignore: decorator
@inline
export function transformStrided(from: usize, tapBytes: usize, to: usize, step: usize, scratch: usize): void {
  for (let at = scratch, last = scratch + 48; at < last; at += 16) {
    const g0 = v128.load(from)
    const g2 = v128.load(from + 6 * tapBytes)
    v128.store(at, g0)
    v128.store(at, f32x4.add(g0, g2), 48)
    v128.store(at, g2, 96)
    v128.store(at, v128.load(from + 3 * tapBytes), 144)
    from += tapBytes
  }
  for (let at = scratch, last = scratch + 192; at < last; at += 48) {
    const g0 = v128.load(at)
    const g2 = v128.load(at, 32)
    v128.store(to, g0)
    v128.store(to + step, f32x4.add(g0, g2))
    v128.store(to + 2 * step, g2)
    v128.store(to + 3 * step, v128.load(at, 16))
    to += 4 * step
  }
}
