// Kernel rows times coefficients.

import { madd } from './simd'

/** Float32 sums are this long at most; blocks are added up in float64. */
const BLOCK: i32 = 64

/**
 * out[i][c] += sum over s of kernel[i][s] * weights[s][c], out in f64.
 *
 * @param columns of `weights` and `out`: a multiple of 4
 * @param strides bytes from one row to the next
 */
export function weightedSums(
  kernel: usize,
  stride: usize,
  rows: i32,
  length: i32,
  weights: usize,
  columns: i32,
  out: usize,
  outStride: usize,
): void {
  const weightBytes = <usize>columns * 4
  for (let from = 0; from < length; from += BLOCK) {
    const count = min(BLOCK, length - from)
    const block = kernel + <usize>from * 4
    const blockWeights = weights + <usize>from * weightBytes
    let i = 0
    for (; i + 4 <= rows; i += 4) {
      for (let c = 0; c < columns; c += 4) {
        let k = block + <usize>i * stride
        let w = blockWeights + <usize>c * 4
        let s0 = f32x4.splat(0)
        let s1 = f32x4.splat(0)
        let s2 = f32x4.splat(0)
        let s3 = f32x4.splat(0)
        for (let n = 0; n < count; n++) {
          const weight = v128.load(w)
          s0 = madd(v128.load_splat<f32>(k), weight, s0)
          s1 = madd(v128.load_splat<f32>(k + stride), weight, s1)
          s2 = madd(v128.load_splat<f32>(k + 2 * stride), weight, s2)
          s3 = madd(v128.load_splat<f32>(k + 3 * stride), weight, s3)
          k += 4
          w += weightBytes
        }
        const to = out + <usize>i * outStride + <usize>c * 8
        addTo(to, s0)
        addTo(to + outStride, s1)
        addTo(to + 2 * outStride, s2)
        addTo(to + 3 * outStride, s3)
      }
    }
    for (; i < rows; i++) {
      for (let c = 0; c < columns; c += 4) {
        let k = block + <usize>i * stride
        let w = blockWeights + <usize>c * 4
        let sum = f32x4.splat(0)
        for (let n = 0; n < count; n++) {
          sum = madd(v128.load_splat<f32>(k), v128.load(w), sum)
          k += 4
          w += weightBytes
        }
        addTo(out + <usize>i * outStride + <usize>c * 8, sum)
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function addTo(out: usize, sum: v128): void {
  v128.store(out, f64x2.add(v128.load(out), f64x2.promote_low_f32x4(sum)))
  const high = v128.shuffle<f64>(sum, sum, 1, 1)
  v128.store(out, f64x2.add(v128.load(out, 16), f64x2.promote_low_f32x4(high)), 16)
}

/** out[i] = the largest of kernel[i][s] * members[s], and 0 at least. `length` is a multiple of 4. */
export function rowPeaks(kernel: usize, stride: usize, rows: i32, length: i32, members: usize, out: usize): void {
  const bytes = <usize>length * 4
  for (let i = 0; i < rows; i++) {
    const row = kernel + <usize>i * stride
    let peak = f32x4.splat(0)
    for (let at: usize = 0; at < bytes; at += 16) {
      peak = f32x4.pmax(peak, f32x4.mul(v128.load(row + at), v128.load(members + at)))
    }
    peak = f32x4.pmax(peak, v128.shuffle<f32>(peak, peak, 2, 3, 0, 1))
    peak = f32x4.pmax(peak, v128.shuffle<f32>(peak, peak, 1, 0, 3, 2))
    f32.store(out + <usize>i * 4, f32x4.extract_lane(peak, 0))
  }
}

/** Beyond this many times e smaller than the largest, a term is lost in the rounding of float64. */
const NEGLIGIBLE: f64 = 40

/**
 * out[c] += sum over s of exp(-gamma |x - s|^2) * weights[s][c], for a row x that is so far from all s that the
 * kernel leaves the range of float32: in f64, from dot products.
 *
 * @param dots the row's dot products
 * @param members f32: 0 for rows that do not count
 */
export function farSums(
  dots: usize,
  norm: f64,
  norms: usize,
  members: usize,
  length: i32,
  gamma: f64,
  weights: usize,
  columns: i32,
  out: usize,
): void {
  let nearest: f64 = f64.POSITIVE_INFINITY
  for (let s = 0; s < length; s++) {
    if (f32.load(members + <usize>s * 4) == 0) continue
    nearest = min(nearest, distance(dots, norm, norms, s))
  }
  for (let s = 0; s < length; s++) {
    if (f32.load(members + <usize>s * 4) == 0) continue
    const d = distance(dots, norm, norms, s)
    if (gamma * (d - nearest) > NEGLIGIBLE) continue
    const value = exp(-gamma * d)
    for (let c = 0; c < columns; c++) {
      const to = out + <usize>c * 8
      const weight = <f64>f32.load(weights + (<usize>s * columns + c) * 4)
      f64.store(to, f64.load(to) + value * weight)
    }
  }
}

// @ts-ignore: decorator
@inline
function distance(dots: usize, norm: f64, norms: usize, s: i32): f64 {
  const dot = <f64>f32.load(dots + <usize>s * 4)
  return max(0, norm + <f64>f32.load(norms + <usize>s * 4) - dot - dot)
}

/** exp in f64 for x <= 0, by its series on [-ln 2 / 2, ln 2 / 2]; 0 below the least float64. */
function exp(x: f64): f64 {
  if (x < -745) return 0
  const n = nearest(x * 1.4426950408889634)
  const r = x - n * 6.93147180369123816490e-1 - n * 1.90821492927058770002e-10
  let sum: f64 = 1
  for (let k = 13; k > 0; k--) sum = 1 + (sum * r) / <f64>k
  // 2^n in two steps: below -1022 the exponent alone does not reach.
  const half = <i64>n / 2
  return sum * power(half) * power(<i64>n - half)
}

function power(n: i64): f64 {
  return reinterpret<f64>((n + 1023) << 52)
}
