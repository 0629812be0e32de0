// The passes of Winograd's F(4 x 4, 3 x 3): 6 numbers to 6 (B^T d), 6 sums to 4 pixels (A^T m), 3 weights to 6 (G g).
// winograd-input.ts and winograd-output.ts apply them to columns and then to rows. Numbers are vectors of channels, `step` bytes apart.

import { madd } from '../../simd'

// @ts-ignore: decorator
@inline
export function forward4(from: usize, step: usize, to: usize, toStep: usize): void {
  const four = f32x4.splat(4)
  const minusFour = f32x4.splat(-4)
  const d0 = v128.load(from)
  const d1 = v128.load(from + step)
  const d2 = v128.load(from + 2 * step)
  const d3 = v128.load(from + 3 * step)
  const d4 = v128.load(from + 4 * step)
  const d5 = v128.load(from + 5 * step)
  const even = f32x4.sub(d4, d2)
  const odd = f32x4.sub(d3, d1)
  const twice = f32x4.add(odd, odd)
  const wideEven = madd(minusFour, d2, d4)
  const wideOdd = madd(minusFour, d1, d3)
  v128.store(to, madd(four, f32x4.sub(d0, d2), even))
  v128.store(to + toStep, f32x4.add(wideEven, wideOdd))
  v128.store(to + 2 * toStep, f32x4.sub(wideEven, wideOdd))
  v128.store(to + 3 * toStep, f32x4.add(even, twice))
  v128.store(to + 4 * toStep, f32x4.sub(even, twice))
  v128.store(to + 5 * toStep, madd(minusFour, odd, f32x4.sub(d5, d3)))
}

// @ts-ignore: decorator
@inline
export function backward4(from: usize, step: usize, to: usize, toStep: usize): void {
  const two = f32x4.splat(2)
  const four = f32x4.splat(4)
  const eight = f32x4.splat(8)
  const m0 = v128.load(from)
  const m1 = v128.load(from + step)
  const m2 = v128.load(from + 2 * step)
  const m3 = v128.load(from + 3 * step)
  const m4 = v128.load(from + 4 * step)
  const m5 = v128.load(from + 5 * step)
  const sum = f32x4.add(m1, m2)
  const difference = f32x4.sub(m1, m2)
  const farSum = f32x4.add(m3, m4)
  const farDifference = f32x4.sub(m3, m4)
  v128.store(to, f32x4.add(f32x4.add(m0, sum), farSum))
  v128.store(to + toStep, madd(two, farDifference, difference))
  v128.store(to + 2 * toStep, madd(four, farSum, sum))
  v128.store(to + 3 * toStep, f32x4.add(madd(eight, farDifference, difference), m5))
}

/** 3 weights to 6, `step` bytes apart: G g. */
// @ts-ignore: decorator
@inline
function transformRow(g0: v128, g1: v128, g2: v128, to: usize, step: usize): void {
  const sixth = f32x4.splat(<f32>(1 / 6.0))
  const outer = f32x4.mul(f32x4.splat(<f32>(-1 / 6.0)), f32x4.add(g0, g2))
  const inner = f32x4.mul(sixth, g1)
  const far = f32x4.add(f32x4.mul(f32x4.splat(<f32>(1 / 24.0)), g0), f32x4.mul(sixth, g2))
  const middle = f32x4.mul(f32x4.splat(<f32>(1 / 12.0)), g1)
  v128.store(to, f32x4.mul(f32x4.splat(0.25), g0))
  v128.store(to + step, f32x4.sub(outer, inner))
  v128.store(to + 2 * step, f32x4.add(outer, inner))
  v128.store(to + 3 * step, f32x4.add(far, middle))
  v128.store(to + 4 * step, f32x4.sub(far, middle))
  v128.store(to + 5 * step, g2)
}

/**
 * 3 x 3 weights to 36: G g G^T. The rows of G g that have terms in common are made together, in registers, and go on to
 * their planes from there.
 *
 * @param tapBytes from weight to weight
 * @param step from plane to plane
 */
// @ts-ignore: decorator
@inline
export function transform4(from: usize, tapBytes: usize, to: usize, step: usize): void {
  const sixth = f32x4.splat(<f32>(1 / 6.0))
  const minusSixth = f32x4.splat(<f32>(-1 / 6.0))
  const quarter = f32x4.splat(0.25)
  const middleRow = from + 3 * tapBytes
  const lastRow = from + 6 * tapBytes
  let a0 = v128.load(from)
  let a1 = v128.load(from + tapBytes)
  let a2 = v128.load(from + 2 * tapBytes)
  transformRow(f32x4.mul(quarter, a0), f32x4.mul(quarter, a1), f32x4.mul(quarter, a2), to, step)
  to += 6 * step
  let c0 = v128.load(lastRow)
  let c1 = v128.load(lastRow + tapBytes)
  let c2 = v128.load(lastRow + 2 * tapBytes)
  let b0 = f32x4.mul(sixth, v128.load(middleRow))
  let b1 = f32x4.mul(sixth, v128.load(middleRow + tapBytes))
  let b2 = f32x4.mul(sixth, v128.load(middleRow + 2 * tapBytes))
  a0 = f32x4.mul(minusSixth, f32x4.add(a0, c0))
  a1 = f32x4.mul(minusSixth, f32x4.add(a1, c1))
  a2 = f32x4.mul(minusSixth, f32x4.add(a2, c2))
  transformRow(f32x4.sub(a0, b0), f32x4.sub(a1, b1), f32x4.sub(a2, b2), to, step)
  to += 6 * step
  transformRow(f32x4.add(a0, b0), f32x4.add(a1, b1), f32x4.add(a2, b2), to, step)
  to += 6 * step
  const twelfth = f32x4.splat(<f32>(1 / 12.0))
  const twentyFourth = f32x4.splat(<f32>(1 / 24.0))
  c0 = v128.load(lastRow)
  c1 = v128.load(lastRow + tapBytes)
  c2 = v128.load(lastRow + 2 * tapBytes)
  b0 = f32x4.mul(twelfth, v128.load(middleRow))
  b1 = f32x4.mul(twelfth, v128.load(middleRow + tapBytes))
  b2 = f32x4.mul(twelfth, v128.load(middleRow + 2 * tapBytes))
  a0 = f32x4.add(f32x4.mul(twentyFourth, v128.load(from)), f32x4.mul(sixth, c0))
  a1 = f32x4.add(f32x4.mul(twentyFourth, v128.load(from + tapBytes)), f32x4.mul(sixth, c1))
  a2 = f32x4.add(f32x4.mul(twentyFourth, v128.load(from + 2 * tapBytes)), f32x4.mul(sixth, c2))
  transformRow(f32x4.add(a0, b0), f32x4.add(a1, b1), f32x4.add(a2, b2), to, step)
  to += 6 * step
  transformRow(f32x4.sub(a0, b0), f32x4.sub(a1, b1), f32x4.sub(a2, b2), to, step)
  transformRow(
    v128.load(lastRow),
    v128.load(lastRow + tapBytes),
    v128.load(lastRow + 2 * tapBytes),
    to + 6 * step,
    step,
  )
}
