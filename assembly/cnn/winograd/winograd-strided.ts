// The passes of Winograd forms for 3 x 3 windows with stride 2. In one dimension an output is
// y[i] = g0 d[2i] + g1 d[2i + 1] + g2 d[2i + 2]. The even numbers of d are a convolution with two taps, F(m, 2), which takes
// m + 1 products for m outputs; the odd ones, g1 d[2i + 1], stay as they are. So 2 outputs take 3 + 2 products and
// 4 outputs 5 + 4: 25 planes for 2 x 2 pixels and 81 for 4 x 4, where 36 and 144 products were. F(4, 2) has the points 0, 1,
// -1, 2 and infinity. Like the passes of winograd4.ts.

import { madd } from '../../simd'

// @ts-ignore: decorator
@inline
export function forwardStrided2(from: usize, step: usize, to: usize, toStep: usize): void {
  const d0 = v128.load(from)
  from += step
  const d1 = v128.load(from)
  from += step
  const d2 = v128.load(from)
  from += step
  const d3 = v128.load(from)
  const d4 = v128.load(from + step)
  v128.store(to, f32x4.sub(d0, d2))
  to += toStep
  v128.store(to, d2)
  to += toStep
  v128.store(to, f32x4.sub(d2, d4))
  to += toStep
  v128.store(to, d1)
  v128.store(to + toStep, d3)
}

// @ts-ignore: decorator
@inline
export function backwardStrided2(from: usize, step: usize, to: usize, toStep: usize): void {
  const m0 = v128.load(from)
  from += step
  const m1 = v128.load(from)
  from += step
  const m2 = v128.load(from)
  from += step
  const m3 = v128.load(from)
  const m4 = v128.load(from + step)
  v128.store(to, f32x4.add(f32x4.add(m0, m1), m3))
  v128.store(to + toStep, f32x4.add(f32x4.sub(m1, m2), m4))
}

// @ts-ignore: decorator
@inline
export function forwardStrided4(from: usize, step: usize, to: usize, toStep: usize): void {
  const two = f32x4.splat(2)
  const odd = to + 5 * toStep
  const d0 = v128.load(from)
  from += step
  v128.store(odd, v128.load(from))
  from += step
  const d2 = v128.load(from)
  from += step
  v128.store(odd + toStep, v128.load(from))
  from += step
  const d4 = v128.load(from)
  from += step
  v128.store(odd + 2 * toStep, v128.load(from))
  from += step
  const d6 = v128.load(from)
  from += step
  v128.store(odd + 3 * toStep, v128.load(from))
  const d8 = v128.load(from + step)
  const rise = f32x4.sub(d6, d2)
  v128.store(to, madd(two, f32x4.sub(d0, d4), rise))
  to += toStep
  v128.store(to, f32x4.sub(f32x4.sub(d6, d4), f32x4.add(d2, d2)))
  to += toStep
  v128.store(to, madd(f32x4.splat(-3), d4, madd(two, d2, d6)))
  to += toStep
  v128.store(to, rise)
  v128.store(to + toStep, madd(two, f32x4.sub(d2, d6), f32x4.sub(d8, d4)))
}

// @ts-ignore: decorator
@inline
export function backwardStrided4(from: usize, step: usize, to: usize, toStep: usize): void {
  const odd = from + 5 * step
  const m0 = v128.load(from)
  from += step
  const m1 = v128.load(from)
  from += step
  const m2 = v128.load(from)
  from += step
  const m3 = v128.load(from)
  const m4 = v128.load(from + step)
  const sum = f32x4.add(m1, m2)
  const difference = f32x4.sub(m1, m2)
  v128.store(to, f32x4.add(f32x4.add(f32x4.add(m0, sum), m3), v128.load(odd)))
  to += toStep
  v128.store(to, f32x4.add(madd(f32x4.splat(2), m3, difference), v128.load(odd + step)))
  to += toStep
  v128.store(to, f32x4.add(madd(f32x4.splat(4), m3, sum), v128.load(odd + 2 * step)))
  const last = f32x4.add(madd(f32x4.splat(8), m3, difference), m4)
  v128.store(to + toStep, f32x4.add(last, v128.load(odd + 3 * step)))
}

// Three outputs of the form for four take F(3, 2), whose points are those of F(4, 2) without 2: 4 + 3 products, with the same
// weights.

// @ts-ignore: decorator
@inline
export function forwardStrided3(from: usize, step: usize, to: usize, toStep: usize): void {
  const odd = to + 5 * toStep
  const d0 = v128.load(from)
  from += step
  v128.store(odd, v128.load(from))
  from += step
  const d2 = v128.load(from)
  from += step
  v128.store(odd + toStep, v128.load(from))
  from += step
  const d4 = v128.load(from)
  from += step
  v128.store(odd + 2 * toStep, v128.load(from))
  const d6 = v128.load(from + step)
  const early = f32x4.sub(d0, d4)
  v128.store(to, f32x4.add(early, early))
  to += toStep
  v128.store(to, f32x4.neg(f32x4.add(d2, d4)))
  to += toStep
  v128.store(to, f32x4.mul(f32x4.splat(3), f32x4.sub(d2, d4)))
  v128.store(to + 2 * toStep, f32x4.sub(d6, d2))
}

// @ts-ignore: decorator
@inline
export function backwardStrided3(from: usize, step: usize, to: usize, toStep: usize): void {
  const odd = from + 5 * step
  const m0 = v128.load(from)
  from += step
  const m1 = v128.load(from)
  from += step
  const m2 = v128.load(from)
  const m4 = v128.load(from + 2 * step)
  const sum = f32x4.add(m1, m2)
  v128.store(to, f32x4.add(f32x4.add(m0, sum), v128.load(odd)))
  to += toStep
  v128.store(to, f32x4.add(f32x4.sub(m1, m2), v128.load(odd + step)))
  v128.store(to + toStep, f32x4.add(f32x4.add(sum, m4), v128.load(odd + 2 * step)))
}

/** 3 weights to 4, `step` bytes apart. */
// @ts-ignore: decorator
@inline
function transformRow2(g0: v128, g1: v128, g2: v128, to: usize, step: usize): void {
  v128.store(to, g0)
  v128.store(to + step, f32x4.add(g0, g2))
  v128.store(to + 2 * step, g2)
  v128.store(to + 3 * step, g1)
}

/** 3 x 3 weights to 16. Like `transform4`. */
// @ts-ignore: decorator
@inline
export function transformStrided2(from: usize, tapBytes: usize, to: usize, step: usize): void {
  const middleRow = from + 3 * tapBytes
  const lastRow = from + 6 * tapBytes
  const a0 = v128.load(from)
  const a1 = v128.load(from + tapBytes)
  const a2 = v128.load(from + 2 * tapBytes)
  const c0 = v128.load(lastRow)
  const c1 = v128.load(lastRow + tapBytes)
  const c2 = v128.load(lastRow + 2 * tapBytes)
  transformRow2(a0, a1, a2, to, step)
  to += 4 * step
  transformRow2(f32x4.add(a0, c0), f32x4.add(a1, c1), f32x4.add(a2, c2), to, step)
  to += 4 * step
  transformRow2(c0, c1, c2, to, step)
  const b1 = v128.load(middleRow + tapBytes)
  transformRow2(v128.load(middleRow), b1, v128.load(middleRow + 2 * tapBytes), to + 4 * step, step)
}

/** 3 weights to 6, `step` bytes apart. */
// @ts-ignore: decorator
@inline
function transformRow4(g0: v128, g1: v128, g2: v128, to: usize, step: usize): void {
  const sixth = f32x4.splat(<f32>(1 / 6.0))
  v128.store(to, f32x4.mul(f32x4.splat(0.5), g0))
  v128.store(to + step, f32x4.mul(f32x4.splat(-0.5), f32x4.add(g0, g2)))
  v128.store(to + 2 * step, f32x4.mul(sixth, f32x4.sub(g2, g0)))
  v128.store(to + 3 * step, f32x4.mul(sixth, f32x4.add(f32x4.add(g2, g2), g0)))
  v128.store(to + 4 * step, g2)
  v128.store(to + 5 * step, g1)
}

/** 3 x 3 weights to 36. Like `transform4`. */
// @ts-ignore: decorator
@inline
export function transformStrided4(from: usize, tapBytes: usize, to: usize, step: usize): void {
  const half = f32x4.splat(0.5)
  const minusHalf = f32x4.splat(-0.5)
  const sixth = f32x4.splat(<f32>(1 / 6.0))
  const middleRow = from + 3 * tapBytes
  const lastRow = from + 6 * tapBytes
  const a0 = v128.load(from)
  const a1 = v128.load(from + tapBytes)
  const a2 = v128.load(from + 2 * tapBytes)
  const c0 = v128.load(lastRow)
  const c1 = v128.load(lastRow + tapBytes)
  const c2 = v128.load(lastRow + 2 * tapBytes)
  transformRow4(f32x4.mul(half, a0), f32x4.mul(half, a1), f32x4.mul(half, a2), to, step)
  to += 6 * step
  const s0 = f32x4.mul(minusHalf, f32x4.add(a0, c0))
  const s1 = f32x4.mul(minusHalf, f32x4.add(a1, c1))
  const s2 = f32x4.mul(minusHalf, f32x4.add(a2, c2))
  transformRow4(s0, s1, s2, to, step)
  to += 6 * step
  const d0 = f32x4.mul(sixth, f32x4.sub(c0, a0))
  const d1 = f32x4.mul(sixth, f32x4.sub(c1, a1))
  const d2 = f32x4.mul(sixth, f32x4.sub(c2, a2))
  transformRow4(d0, d1, d2, to, step)
  to += 6 * step
  const t0 = f32x4.mul(sixth, f32x4.add(f32x4.add(c0, c0), a0))
  const t1 = f32x4.mul(sixth, f32x4.add(f32x4.add(c1, c1), a1))
  const t2 = f32x4.mul(sixth, f32x4.add(f32x4.add(c2, c2), a2))
  transformRow4(t0, t1, t2, to, step)
  to += 6 * step
  transformRow4(c0, c1, c2, to, step)
  const b1 = v128.load(middleRow + tapBytes)
  transformRow4(v128.load(middleRow), b1, v128.load(middleRow + 2 * tapBytes), to + 6 * step, step)
}
