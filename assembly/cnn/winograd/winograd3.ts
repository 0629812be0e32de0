// The passes of Winograd's F(3, 3), for tiles of 4 x 4 of which only 3 rows or columns are wanted: 5 products for 3 outputs. Its
// points are those of F(4, 3) without -2, so that it multiplies the same transformed weights, and leaves out the fifth of
// their planes. Like the passes of winograd4.ts.

import { madd } from '../../simd'

// @ts-ignore: decorator
@inline
export function forward3(from: usize, step: usize, to: usize, toStep: usize): void {
  const two = f32x4.splat(2)
  const minusThree = f32x4.splat(-3)
  const d0 = v128.load(from)
  const d1 = v128.load(from + step)
  const d2 = v128.load(from + 2 * step)
  const d3 = v128.load(from + 3 * step)
  const d4 = v128.load(from + 4 * step)
  const rise = f32x4.sub(d3, d1)
  const twice = f32x4.add(rise, rise)
  const early = f32x4.sub(d0, d2)
  const far = f32x4.add(early, early)
  v128.store(to, f32x4.add(f32x4.add(far, far), twice))
  v128.store(to + toStep, madd(f32x4.splat(3), f32x4.sub(rise, d2), f32x4.mul(minusThree, d1)))
  v128.store(to + 2 * toStep, madd(minusThree, d2, madd(two, d1, d3)))
  v128.store(to + 3 * toStep, f32x4.add(twice, twice))
  v128.store(to + 5 * toStep, f32x4.sub(f32x4.sub(d4, d2), twice))
}

// @ts-ignore: decorator
@inline
export function backward3(from: usize, step: usize, to: usize, toStep: usize): void {
  const m0 = v128.load(from)
  const m1 = v128.load(from + step)
  const m2 = v128.load(from + 2 * step)
  const m3 = v128.load(from + 3 * step)
  const m5 = v128.load(from + 5 * step)
  const sum = f32x4.add(m1, m2)
  v128.store(to, f32x4.add(f32x4.add(m0, sum), m3))
  v128.store(to + toStep, madd(f32x4.splat(2), m3, f32x4.sub(m1, m2)))
  v128.store(to + 2 * toStep, f32x4.add(madd(f32x4.splat(4), m3, sum), m5))
}
