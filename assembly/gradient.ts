// The gradient F = Kb + p of the dual objective, in float64, and deferred updates to it.

import { Problem } from './problem'

/** out += factor * row (axpy); out is f64, row is f32, `length` is a multiple of 4. */
export function addRow(out: usize, row: usize, length: i32, factor: f64): void {
  const f = f64x2.splat(factor)
  for (let k: usize = 0, bytes = <usize>length * 4; k < bytes; k += 16) {
    const to = out + k + k
    const k01 = f64x2.promote_low_f32x4(v128.load64_zero(row + k))
    const k23 = f64x2.promote_low_f32x4(v128.load64_zero(row + k, 8))
    v128.store(to, f64x2.add(v128.load(to), f64x2.mul(f, k01)))
    v128.store(to, f64x2.add(v128.load(to, 16), f64x2.mul(f, k23)), 16)
  }
}

/** out += f * a + g * b, with out in f64. Two rows at a time halve the reads and writes of `out`. */
function addTwo(out: usize, a: usize, b: usize, length: i32, f: f64, g: f64): void {
  const fs = f64x2.splat(f)
  const gs = f64x2.splat(g)
  for (let k: usize = 0, bytes = <usize>length * 4; k < bytes; k += 16) {
    const to = out + k + k
    const a01 = f64x2.promote_low_f32x4(v128.load64_zero(a + k))
    const a23 = f64x2.promote_low_f32x4(v128.load64_zero(a + k, 8))
    const b01 = f64x2.promote_low_f32x4(v128.load64_zero(b + k))
    const b23 = f64x2.promote_low_f32x4(v128.load64_zero(b + k, 8))
    v128.store(to, f64x2.add(v128.load(to), f64x2.add(f64x2.mul(fs, a01), f64x2.mul(gs, b01))))
    v128.store(to, f64x2.add(v128.load(to, 16), f64x2.add(f64x2.mul(fs, a23), f64x2.mul(gs, b23))), 16)
  }
}

/**
 * Makes the gradient exact again by adding K times the change of b since it was last exact. The kernel rows of all
 * points whose b changed must be in memory.
 */
export function catchUp(p: Problem): void {
  const second = p.gradient + <usize>p.split * 8
  const rest = p.size - p.split
  let held = -1
  for (let k = 0; k < p.size; k++) {
    if (f64.load(p.beta + <usize>k * 8) == f64.load(p.counted + <usize>k * 8)) continue
    if (held < 0) {
      held = k
      continue
    }
    addTwo(p.gradient, row(p.firstRow, held), row(p.firstRow, k), p.split, moved(p, held), moved(p, k))
    addTwo(second, row(p.secondRow, held), row(p.secondRow, k), rest, moved(p, held), moved(p, k))
    held = -1
  }
  if (held >= 0) {
    addRow(p.gradient, row(p.firstRow, held), p.split, moved(p, held))
    addRow(second, row(p.secondRow, held), rest, moved(p, held))
  }
  memory.copy(p.counted, p.beta, <usize>p.size * 8)
  p.caughtUp = p.iterations
}

// @ts-ignore: decorator
@inline
function row(rows: usize, k: i32): usize {
  return load<usize>(rows + <usize>k * 4)
}

// @ts-ignore: decorator
@inline
function moved(p: Problem, k: i32): f64 {
  return f64.load(p.beta + <usize>k * 8) - f64.load(p.counted + <usize>k * 8)
}
