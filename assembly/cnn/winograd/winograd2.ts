// The passes of Winograd's F(2 x 2, 3 x 3): 4 numbers to 4 (B^T d), 4 sums to 2 pixels (A^T m), 3 weights to 4 (G g). Like
// those of winograd4.ts.

// @ts-ignore: decorator
@inline
export function forward2(from: usize, step: usize, to: usize, toStep: usize): void {
  const d0 = v128.load(from)
  from += step
  const d1 = v128.load(from)
  from += step
  const d2 = v128.load(from)
  const d3 = v128.load(from + step)
  v128.store(to, f32x4.sub(d0, d2))
  to += toStep
  v128.store(to, f32x4.add(d1, d2))
  to += toStep
  v128.store(to, f32x4.sub(d2, d1))
  v128.store(to + toStep, f32x4.sub(d1, d3))
}

// @ts-ignore: decorator
@inline
export function backward2(from: usize, step: usize, to: usize, toStep: usize): void {
  const m0 = v128.load(from)
  from += step
  const m1 = v128.load(from)
  from += step
  const m2 = v128.load(from)
  const m3 = v128.load(from + step)
  v128.store(to, f32x4.add(f32x4.add(m0, m1), m2))
  v128.store(to + toStep, f32x4.sub(f32x4.sub(m1, m2), m3))
}

/** 3 weights to 4, `step` bytes apart: G g. */
// @ts-ignore: decorator
@inline
function transformRow(g0: v128, g1: v128, g2: v128, to: usize, step: usize): void {
  const half = f32x4.splat(0.5)
  const outer = f32x4.mul(half, f32x4.add(g0, g2))
  const inner = f32x4.mul(half, g1)
  v128.store(to, g0)
  v128.store(to + step, f32x4.add(outer, inner))
  v128.store(to + 2 * step, f32x4.sub(outer, inner))
  v128.store(to + 3 * step, g2)
}

/** 3 x 3 weights to 16: G g G^T. Like `transform4`. */
// @ts-ignore: decorator
@inline
export function transform2(from: usize, tapBytes: usize, to: usize, step: usize): void {
  const half = f32x4.splat(0.5)
  const middleRow = from + 3 * tapBytes
  const lastRow = from + 6 * tapBytes
  const a0 = v128.load(from)
  const a1 = v128.load(from + tapBytes)
  const a2 = v128.load(from + 2 * tapBytes)
  const c0 = v128.load(lastRow)
  const c1 = v128.load(lastRow + tapBytes)
  const c2 = v128.load(lastRow + 2 * tapBytes)
  transformRow(a0, a1, a2, to, step)
  const b0 = f32x4.mul(half, v128.load(middleRow))
  const b1 = f32x4.mul(half, v128.load(middleRow + tapBytes))
  const b2 = f32x4.mul(half, v128.load(middleRow + 2 * tapBytes))
  const o0 = f32x4.mul(half, f32x4.add(a0, c0))
  const o1 = f32x4.mul(half, f32x4.add(a1, c1))
  const o2 = f32x4.mul(half, f32x4.add(a2, c2))
  to += 4 * step
  transformRow(f32x4.add(o0, b0), f32x4.add(o1, b1), f32x4.add(o2, b2), to, step)
  to += 4 * step
  transformRow(f32x4.sub(o0, b0), f32x4.sub(o1, b1), f32x4.sub(o2, b2), to, step)
  transformRow(c0, c1, c2, to + 4 * step, step)
}
