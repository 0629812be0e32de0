// The passes of the gradient of weights by Winograd's convolution: the transposes of those of the output and of the weights
// in winograd4.ts and winograd-strided.ts.

import { madd } from '../../simd'

/** The sums at the points 1, -1 and 2, of which the forms have terms in common. */
// @ts-ignore: decorator
@inline
function atOne(y0: v128, y1: v128, y2: v128, y3: v128, to: usize, step: usize): void {
  const even = f32x4.add(y0, y2)
  const odd = f32x4.add(y1, y3)
  v128.store(to, y0)
  v128.store(to + step, f32x4.add(even, odd))
  v128.store(to + 2 * step, f32x4.sub(even, odd))
}

/** 4 gradients to 6 planes of F4, `step` bytes apart: A dy. */
// @ts-ignore: decorator
@inline
export function spread4(y0: v128, y1: v128, y2: v128, y3: v128, to: usize, step: usize): void {
  const even = madd(f32x4.splat(4), y2, y0)
  const odd = madd(f32x4.splat(8), y3, f32x4.add(y1, y1))
  atOne(y0, y1, y2, y3, to, step)
  v128.store(to + 3 * step, f32x4.add(even, odd))
  v128.store(to + 4 * step, f32x4.sub(even, odd))
  v128.store(to + 5 * step, y3)
}

/** 4 gradients to 9 planes of STRIDED4: those of the even numbers, then those of the odd ones. */
// @ts-ignore: decorator
@inline
export function spreadStrided4(y0: v128, y1: v128, y2: v128, y3: v128, to: usize, step: usize): void {
  const even = madd(f32x4.splat(4), y2, y0)
  const odd = madd(f32x4.splat(8), y3, f32x4.add(y1, y1))
  atOne(y0, y1, y2, y3, to, step)
  v128.store(to + 3 * step, f32x4.add(even, odd))
  v128.store(to + 4 * step, y3)
  to += 5 * step
  v128.store(to, y0)
  v128.store(to + step, y1)
  v128.store(to + 2 * step, y2)
  v128.store(to + 3 * step, y3)
}

/** Writes 3 numbers, or adds them to what is there. */
// @ts-ignore: decorator
@inline
function put3(g0: v128, g1: v128, g2: v128, to: usize, step: usize, isAdded: bool): void {
  if (isAdded) {
    g0 = f32x4.add(v128.load(to), g0)
    g1 = f32x4.add(v128.load(to + step), g1)
    g2 = f32x4.add(v128.load(to + 2 * step), g2)
  }
  v128.store(to, g0)
  v128.store(to + step, g1)
  v128.store(to + 2 * step, g2)
}

/** 6 sums of F4, `step` bytes apart, to 3 weights: G^T m. */
// @ts-ignore: decorator
@inline
export function gather4(from: usize, step: usize, to: usize, toStep: usize, isAdded: bool): void {
  const m1 = v128.load(from + step)
  const m2 = v128.load(from + 2 * step)
  const m3 = v128.load(from + 3 * step)
  const m4 = v128.load(from + 4 * step)
  const sixth = f32x4.splat(<f32>(1 / 6.0))
  const near = f32x4.mul(f32x4.add(m1, m2), sixth)
  const far = f32x4.add(m3, m4)
  const farShare = f32x4.mul(far, f32x4.splat(<f32>(1 / 24.0)))
  const g0 = f32x4.sub(madd(f32x4.splat(0.25), v128.load(from), farShare), near)
  const farRise = f32x4.mul(f32x4.sub(m3, m4), f32x4.splat(<f32>(1 / 12.0)))
  const g1 = madd(f32x4.sub(m2, m1), sixth, farRise)
  const g2 = f32x4.add(f32x4.sub(f32x4.mul(far, sixth), near), v128.load(from + 5 * step))
  put3(g0, g1, g2, to, toStep, isAdded)
}

/** 6 sums of STRIDED4, `step` bytes apart, to 3 weights. */
// @ts-ignore: decorator
@inline
export function gatherStrided4(from: usize, step: usize, to: usize, toStep: usize, isAdded: bool): void {
  const half = f32x4.splat(0.5)
  const sixth = f32x4.splat(<f32>(1 / 6.0))
  const m1 = f32x4.mul(half, v128.load(from + step))
  const m2 = v128.load(from + 2 * step)
  const m3 = v128.load(from + 3 * step)
  const g0 = f32x4.add(f32x4.sub(f32x4.mul(half, v128.load(from)), m1), f32x4.mul(sixth, f32x4.sub(m3, m2)))
  const rise = f32x4.mul(sixth, f32x4.add(f32x4.add(m3, m3), m2))
  const g2 = f32x4.add(f32x4.sub(rise, m1), v128.load(from + 4 * step))
  put3(g0, v128.load(from + 5 * step), g2, to, toStep, isAdded)
}
