// Kernel values computed in float64 from float32 rows.
//
// When kernel values lie close together (a small gamma, a large coef0, rows far from the origin), their differences are
// smaller than the rounding error of float32. Then products, distances and kernel functions are computed in float64, as
// in LIBSVM, and the component common to all values is subtracted before the result is rounded to float32.

import { Kernel, POLY, RBF, SIGMOID } from './kernel'
import { TILE_COLS, TILE_ROWS } from './simd'

// @ts-ignore: decorator
@inline
function splat(x: f64): v128 {
  return f64x2.splat(x)
}

// @ts-ignore: decorator
@inline
function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  return f64x2.add(f64x2.mul(a, b), c)
}

/** exp(x) is 0 below this; the smallest normal float64 is about exp(-708). */
const LEAST_EXPONENT: f64 = -708

/** exp(x) - 1 if `lessOne`, else exp(x), for x <= 0: by the Taylor series of exp on [-ln 2 / 2, ln 2 / 2]. */
function exponential2(x: v128, lessOne: bool): v128 {
  const tooSmall = f64x2.lt(x, splat(LEAST_EXPONENT))
  x = f64x2.pmax(splat(LEAST_EXPONENT), x)
  // Adding 1.5 * 2^52 rounds to an integer n and leaves n in the low bits of the sum.
  const shifted = f64x2.add(f64x2.mul(x, splat(1.4426950408889634)), splat(6755399441055744))
  const n = f64x2.sub(shifted, splat(6755399441055744))
  const high = f64x2.sub(x, f64x2.mul(n, splat(6.9314718036912381649e-1)))
  const r = f64x2.sub(high, f64x2.mul(n, splat(1.90821492927058770002e-10)))
  let p = splat(1 / 6227020800.0)
  p = multiplyAdd(p, r, splat(1 / 479001600.0))
  p = multiplyAdd(p, r, splat(1 / 39916800.0))
  p = multiplyAdd(p, r, splat(1 / 3628800.0))
  p = multiplyAdd(p, r, splat(1 / 362880.0))
  p = multiplyAdd(p, r, splat(1 / 40320.0))
  p = multiplyAdd(p, r, splat(1 / 5040.0))
  p = multiplyAdd(p, r, splat(1 / 720.0))
  p = multiplyAdd(p, r, splat(1 / 120.0))
  p = multiplyAdd(p, r, splat(1 / 24.0))
  p = multiplyAdd(p, r, splat(1 / 6.0))
  p = multiplyAdd(p, r, splat(0.5))
  p = multiplyAdd(p, r, splat(1))
  p = f64x2.mul(p, r)
  // 2^n from its exponent bits; the shift discards everything in `shifted` except n.
  const scale = i64x2.shl(i64x2.add(shifted, i64x2.splat(1023)), 52)
  if (lessOne) {
    const value = f64x2.add(f64x2.mul(scale, p), f64x2.sub(scale, splat(1)))
    return v128.bitselect(splat(-1), value, tooSmall)
  }
  return v128.andnot(f64x2.add(scale, f64x2.mul(scale, p)), tooSmall)
}

/** |tanh(x)| = -t / (2 + t) with t = exp(-2 |x|) - 1; the result takes the sign of x. */
function tanh2(x: v128): v128 {
  const t = exponential2(f64x2.mul(f64x2.abs(x), splat(-2)), true)
  const size = f64x2.div(f64x2.neg(t), f64x2.add(splat(2), t))
  const sign = i64x2.splat(0x8000000000000000)
  return v128.bitselect(x, size, sign)
}

/** Kernel values of two dot products, or of two squared distances for an rbf kernel. */
function kernel2(kernel: Kernel, x: v128): v128 {
  if (kernel.kind == RBF) return exponential2(f64x2.mul(splat(-kernel.gamma), x), kernel.lessOne != 0)
  if (kernel.kind == SIGMOID) return tanh2(multiplyAdd(splat(kernel.gamma), x, splat(kernel.coef0)))
  if (kernel.kind != POLY) return x
  let base = multiplyAdd(splat(kernel.gamma), x, splat(kernel.coef0))
  let power = splat(1)
  for (let left = kernel.degree; left > 0; left >>= 1) {
    if (left & 1) power = f64x2.mul(power, base)
    base = f64x2.mul(base, base)
  }
  return power
}

/**
 * out[i][j] = K(strips[i], panels[j]) - rowOffsets[i] - colOffsets[j]. The result for a pair of rows is bitwise the
 * same in either order and at any position.
 *
 * @param kernel address of a `Kernel`
 * @param rowOffsets f64 per row; 0 for none
 * @param colOffsets f64 per column; 0 for no offsets at all
 * @param cols a multiple of TILE_COLS
 * @param stride bytes between rows of `out`
 * @param wide whether `out` is float64; otherwise it is float32
 */
export function preciseBlock(
  kernel: usize,
  strips: usize,
  rowOffsets: usize,
  rows: i32,
  panels: usize,
  colOffsets: usize,
  cols: i32,
  width: i32,
  out: usize,
  stride: usize,
  wide: bool,
): void {
  const k = changetype<Kernel>(kernel)
  const distances = k.kind == RBF
  for (let j = 0; j < cols; j += TILE_COLS) {
    const panel = panels + <usize>j * <usize>width * 4
    for (let i = 0; i < rows; i++) {
      let a = strips + <usize>(i / TILE_ROWS) * <usize>width * TILE_ROWS * 4 + <usize>(i % TILE_ROWS) * 4
      let b = panel
      let s0 = splat(0)
      let s1 = splat(0)
      let s2 = splat(0)
      let s3 = splat(0)
      for (let c = 0; c < width; c++) {
        const x = splat(<f64>f32.load(a))
        let z0 = f64x2.promote_low_f32x4(v128.load64_zero(b))
        let z1 = f64x2.promote_low_f32x4(v128.load64_zero(b, 8))
        let z2 = f64x2.promote_low_f32x4(v128.load64_zero(b, 16))
        let z3 = f64x2.promote_low_f32x4(v128.load64_zero(b, 24))
        if (distances) {
          z0 = f64x2.sub(z0, x)
          z1 = f64x2.sub(z1, x)
          z2 = f64x2.sub(z2, x)
          z3 = f64x2.sub(z3, x)
          s0 = multiplyAdd(z0, z0, s0)
          s1 = multiplyAdd(z1, z1, s1)
          s2 = multiplyAdd(z2, z2, s2)
          s3 = multiplyAdd(z3, z3, s3)
        } else {
          s0 = multiplyAdd(x, z0, s0)
          s1 = multiplyAdd(x, z1, s1)
          s2 = multiplyAdd(x, z2, s2)
          s3 = multiplyAdd(x, z3, s3)
        }
        a += TILE_ROWS * 4
        b += TILE_COLS * 4
      }
      s0 = kernel2(k, s0)
      s1 = kernel2(k, s1)
      s2 = kernel2(k, s2)
      s3 = kernel2(k, s3)
      if (colOffsets != 0) {
        const row = splat(rowOffsets == 0 ? 0 : f64.load(rowOffsets + <usize>i * 8))
        const col = colOffsets + <usize>j * 8
        // The offsets are added first: unlike two subtractions, this is symmetric in row and column.
        s0 = f64x2.sub(s0, f64x2.add(row, v128.load(col)))
        s1 = f64x2.sub(s1, f64x2.add(row, v128.load(col, 16)))
        s2 = f64x2.sub(s2, f64x2.add(row, v128.load(col, 32)))
        s3 = f64x2.sub(s3, f64x2.add(row, v128.load(col, 48)))
      }
      if (wide) {
        const to = out + <usize>i * stride + <usize>j * 8
        v128.store(to, s0)
        v128.store(to, s1, 16)
        v128.store(to, s2, 32)
        v128.store(to, s3, 48)
      } else {
        const to = out + <usize>i * stride + <usize>j * 4
        v128.store(to, v128.shuffle<f64>(f32x4.demote_f64x2_zero(s0), f32x4.demote_f64x2_zero(s1), 0, 2))
        v128.store(to, v128.shuffle<f64>(f32x4.demote_f64x2_zero(s2), f32x4.demote_f64x2_zero(s3), 0, 2), 16)
      }
    }
  }
}

/**
 * out[i][c] += sum over s of kernel[i][s] * weights[s][c], all in f64.
 *
 * @param stride bytes between rows of `kernel`
 * @param length columns of `kernel` and rows of `weights`
 * @param columns columns of `weights` and `out`: a multiple of 4
 * @param outStride bytes between rows of `out`
 */
export function preciseSums(
  kernel: usize,
  stride: usize,
  rows: i32,
  length: i32,
  weights: usize,
  columns: i32,
  out: usize,
  outStride: usize,
): void {
  const weightBytes = <usize>columns * 8
  for (let i = 0; i < rows; i++) {
    for (let c: usize = 0; c < weightBytes; c += 16) {
      let k = kernel + <usize>i * stride
      let w = weights + c
      const to = out + <usize>i * outStride + c
      let sum = v128.load(to)
      for (let n = 0; n < length; n++) {
        sum = multiplyAdd(v128.load64_splat(k), v128.load(w), sum)
        k += 8
        w += weightBytes
      }
      v128.store(to, sum)
    }
  }
}
