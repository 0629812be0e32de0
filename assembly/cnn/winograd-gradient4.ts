// The transforms of the gradient of weights for F(4 x 4, 3 x 3): the output transform and the weight transform of
// winograd4.ts and winograd-weights.ts, turned round.

import { madd } from '../simd'

/** The sums of one output transform turned round: 4 numbers to 6, `step` bytes apart. */
// @ts-ignore: decorator
@inline
function spread(y0: v128, y1: v128, y2: v128, y3: v128, to: usize, step: usize): void {
  const even = f32x4.add(y0, y2)
  const odd = f32x4.add(y1, y3)
  const farEven = madd(f32x4.splat(4), y2, y0)
  const farOdd = madd(f32x4.splat(8), y3, f32x4.add(y1, y1))
  v128.store(to, y0)
  v128.store(to + step, f32x4.add(even, odd))
  v128.store(to + 2 * step, f32x4.sub(even, odd))
  v128.store(to + 3 * step, f32x4.add(farEven, farOdd))
  v128.store(to + 4 * step, f32x4.sub(farEven, farOdd))
  v128.store(to + 5 * step, y3)
}

/** Four channels of a tile of 4 x 4 pixels, zeros where it has fewer, to 36 planes: A dy A^T. */
export function spreadTile4(
  from: usize,
  rowBytes: usize,
  pixelBytes: usize,
  rows: i32,
  columns: i32,
  to: usize,
  step: usize,
  scratch: usize,
): void {
  const zero = f32x4.splat(0)
  for (let column = 0; column < 4; column++) {
    const isInside = column < columns
    const y0 = isInside ? v128.load(from) : zero
    const y1 = isInside && rows > 1 ? v128.load(from + rowBytes) : zero
    const y2 = isInside && rows > 2 ? v128.load(from + 2 * rowBytes) : zero
    const y3 = isInside && rows > 3 ? v128.load(from + 3 * rowBytes) : zero
    spread(y0, y1, y2, y3, scratch + <usize>column * 16, 64)
    from += pixelBytes
  }
  for (let row = 0; row < 6; row++) {
    spread(
      v128.load(scratch),
      v128.load(scratch, 16),
      v128.load(scratch, 32),
      v128.load(scratch, 48),
      to,
      step,
    )
    scratch += 64
    to += 6 * step
  }
}

/** 6 numbers, `step` bytes apart, to 3: G^T. */
// @ts-ignore: decorator
@inline
function gather(from: usize, step: usize, to: usize, toStep: usize, isAdded: bool): void {
  const m0 = v128.load(from)
  const m1 = v128.load(from + step)
  const m2 = v128.load(from + 2 * step)
  const m3 = v128.load(from + 3 * step)
  const m4 = v128.load(from + 4 * step)
  const m5 = v128.load(from + 5 * step)
  const sixth = f32x4.splat(<f32>(1 / 6.0))
  const near = f32x4.mul(f32x4.add(m1, m2), sixth)
  const far = f32x4.add(m3, m4)
  let g0 = f32x4.sub(madd(f32x4.splat(0.25), m0, f32x4.mul(far, f32x4.splat(<f32>(1 / 24.0)))), near)
  let g1 = madd(f32x4.sub(m3, m4), f32x4.splat(<f32>(1 / 12.0)), f32x4.mul(f32x4.sub(m2, m1), sixth))
  let g2 = f32x4.add(f32x4.sub(f32x4.mul(far, sixth), near), m5)
  if (isAdded) {
    g0 = f32x4.add(v128.load(to), g0)
    g1 = f32x4.add(v128.load(to + toStep), g1)
    g2 = f32x4.add(v128.load(to + 2 * toStep), g2)
  }
  v128.store(to, g0)
  v128.store(to + toStep, g1)
  v128.store(to + 2 * toStep, g2)
}

/** Four filters of 36 planes of products, `step` bytes apart, added to those of 9 taps: G^T m G. */
export function gatherTile4(from: usize, step: usize, to: usize, tapBytes: usize, scratch: usize): void {
  for (let row: usize = 0; row < 6; row++) {
    gather(from + 6 * row * step, step, scratch + 16 * row, 96, false)
  }
  for (let column: usize = 0; column < 3; column++) {
    gather(scratch + 96 * column, 16, to + column * tapBytes, 3 * tapBytes, true)
  }
}
