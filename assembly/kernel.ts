// Turns dot products into kernel values, in place, four lanes at a time.
//
// exp, tanh and powers are implemented here because those of the host differ between hosts. The approximations follow
// Cephes (S. L. Moshier, exp2f.c and tanhf.c) and are within 2 ulp of float32.

import { dotProducts } from './gemm'
import { madd } from './simd'

export const LINEAR: i32 = 0
export const POLY: i32 = 1
export const RBF: i32 = 2
export const SIGMOID: i32 = 3

/** A kernel and its parameters. Functions that compute kernel values take the address of one. */
export class Kernel {
  /** LINEAR, POLY, RBF or SIGMOID. */
  kind: i32
  degree: i32
  /** Rounded to float32 where kernel values are computed in float32. */
  gamma: f64
  coef0: f64
  /** Whether an rbf kernel in float64 (precise.ts) is exp(-gamma d^2) - 1, computed without cancellation. */
  lessOne: i32
}

/** Columns whose dot products are computed and then turned into kernel values while they are still in L2. */
const CHUNK: i32 = 1024

const LOG2_E: f64 = 1.44269504088896341

// @ts-ignore: decorator
@inline
export function exp2of4(x: v128): v128 {
  // 2^-126 (about 1e-38) is the smallest normal float32; smaller results are clamped to it instead of to 0.
  x = f32x4.pmax(f32x4.splat(-126), f32x4.pmin(f32x4.splat(127), x))
  // Adding 1.5 * 2^23 rounds to an integer n and leaves n in the low bits of the sum.
  const shifted = f32x4.add(x, f32x4.splat(12582912))
  const r = f32x4.sub(x, f32x4.sub(shifted, f32x4.splat(12582912)))
  let p = madd(f32x4.splat(1.5353361883195e-4), r, f32x4.splat(1.339887440266574e-3))
  p = madd(p, r, f32x4.splat(9.61843735767464e-3))
  p = madd(p, r, f32x4.splat(5.550332471162809e-2))
  p = madd(p, r, f32x4.splat(2.402264791363012e-1))
  p = madd(p, r, f32x4.splat(6.931472028550421e-1))
  p = madd(p, r, f32x4.splat(1))
  // 2^n from its exponent bits; the shift discards everything in `shifted` except n.
  const scale = i32x4.shl(i32x4.add(shifted, i32x4.splat(127)), 23)
  return f32x4.mul(p, scale)
}

// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const square = f32x4.mul(x, x)
  let p = madd(f32x4.splat(-5.70498872745e-3), square, f32x4.splat(2.06390887954e-2))
  p = madd(p, square, f32x4.splat(-5.37397155531e-2))
  p = madd(p, square, f32x4.splat(1.33314422036e-1))
  p = madd(p, square, f32x4.splat(-3.33332819422e-1))
  const near = madd(f32x4.mul(p, square), x, x)
  const size = f32x4.abs(x)
  const far = f32x4.sub(
    f32x4.splat(1),
    f32x4.div(
      f32x4.splat(2),
      f32x4.add(exp2of4(f32x4.mul(size, f32x4.splat(<f32>(2 * LOG2_E)))), f32x4.splat(1)),
    ),
  )
  const signed = v128.or(far, v128.and(x, i32x4.splat(0x80000000)))
  return v128.bitselect(near, signed, f32x4.lt(size, f32x4.splat(0.625)))
}

/**
 * Turns f32 dot products into kernel values, in place.
 *
 * rbf: exp(-gamma |x - z|^2) with |x - z|^2 = |x|^2 + |z|^2 - 2 x.z; poly: (gamma x.z + coef0)^degree; sigmoid:
 * tanh(gamma x.z + coef0); linear: unchanged.
 *
 * @param kernel address of a `Kernel`
 * @param stride bytes between rows of `out`
 * @param cols a multiple of 4
 * @param rowNorms f32: |x|^2 of each row (rbf only)
 * @param colNorms f32: |z|^2 of each column (rbf only)
 */
export function applyKernel(
  kernel: usize,
  out: usize,
  stride: usize,
  rows: i32,
  cols: i32,
  rowNorms: usize,
  colNorms: usize,
): void {
  const kind = changetype<Kernel>(kernel).kind
  if (kind == LINEAR) return
  const degree = changetype<Kernel>(kernel).degree
  const gamma = <f32>changetype<Kernel>(kernel).gamma
  const coef0 = <f32>changetype<Kernel>(kernel).coef0
  const bytes = <usize>cols * 4
  for (let i = 0; i < rows; i++) {
    const row = out + <usize>i * stride
    if (kind == RBF) {
      const norm = f32x4.splat(f32.load(rowNorms + <usize>i * 4))
      // Evaluated as a power of 2: -gamma and log2(e) are multiplied into one factor.
      const rate = f32x4.splat(<f32>(-LOG2_E * <f64>gamma))
      for (let at: usize = 0; at < bytes; at += 16) {
        const dot = v128.load(row + at)
        const distance = f32x4.sub(f32x4.add(norm, v128.load(colNorms + at)), f32x4.add(dot, dot))
        // Rounding can make a squared distance slightly negative.
        v128.store(row + at, exp2of4(f32x4.mul(rate, f32x4.pmax(f32x4.splat(0), distance))))
      }
    } else if (kind == POLY) {
      const g = f32x4.splat(gamma)
      const c = f32x4.splat(coef0)
      for (let at: usize = 0; at < bytes; at += 16) {
        let base = madd(g, v128.load(row + at), c)
        let power = f32x4.splat(1)
        for (let left = degree; left > 0; left >>= 1) {
          if (left & 1) power = f32x4.mul(power, base)
          base = f32x4.mul(base, base)
        }
        v128.store(row + at, power)
      }
    } else {
      const g = f32x4.splat(gamma)
      const c = f32x4.splat(coef0)
      for (let at: usize = 0; at < bytes; at += 16) {
        v128.store(row + at, tanh4(madd(g, v128.load(row + at), c)))
      }
    }
  }
}

/**
 * out[i][j] = K(strips[i], panels[j]): `dotProducts` and then `applyKernel`, chunk by chunk. Parameters are as for
 * those two.
 *
 * To compute exp for each tile as soon as its products are stored, or for chunks of 64 or 256 columns, is no faster: 3,000
 * rows of 192 columns with 2,983 support vectors take 110 ms of CPU time either way, 96 ms in the relaxed build. The
 * products are still in the cache, and what takes time is exp.
 */
export function kernelBlock(
  kernel: usize,
  strips: usize,
  rowNorms: usize,
  rows: i32,
  panels: usize,
  colNorms: usize,
  cols: i32,
  width: i32,
  out: usize,
  stride: usize,
): void {
  for (let from = 0; from < cols; from += CHUNK) {
    const count = min(CHUNK, cols - from)
    const at = out + <usize>from * 4
    dotProducts(strips, rows, panels + <usize>from * <usize>width * 4, count, width, at, stride)
    applyKernel(kernel, at, stride, rows, count, rowNorms, colNorms + <usize>from * 4)
  }
}
