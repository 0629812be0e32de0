// Decision function: kernel rows times coefficients. The distances to the nearest support vector and the float64 exp rescale
// rows of an rbf kernel whose values would underflow float32 (src/engine/kernel/rbf-underflow.ts).

import { madd } from './simd'

/** Maximum terms of a float32 partial sum; partial sums are added in float64. */
const BLOCK: i32 = 64

/**
 * out[i][c] += sum over s of kernel[i][s] * weights[s][c]; kernel and weights in f32, out in f64.
 *
 * @param stride bytes between rows of `kernel`
 * @param length columns of `kernel` and rows of `weights`
 * @param columns columns of `weights` and `out`: a multiple of 4
 * @param outStride bytes between rows of `out`
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
    for (; i + 3 <= rows; i += 3) {
      const k = block + <usize>i * stride
      const to = out + <usize>i * outStride
      let c = 0
      for (; c + 12 <= columns; c += 12) {
        sums3x3(k, stride, count, blockWeights + <usize>c * 4, weightBytes, to + <usize>c * 8, outStride)
      }
      for (; c < columns; c += 4) {
        sums3x1(k, stride, count, blockWeights + <usize>c * 4, weightBytes, to + <usize>c * 8, outStride)
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

/** 3 rows x 12 columns: as many accumulators as fit in registers, and enough to hide the latency of the additions. */
function sums3x3(
  k: usize,
  stride: usize,
  count: i32,
  w: usize,
  weightBytes: usize,
  out: usize,
  outStride: usize,
): void {
  let s00 = f32x4.splat(0)
  let s01 = f32x4.splat(0)
  let s02 = f32x4.splat(0)
  let s10 = f32x4.splat(0)
  let s11 = f32x4.splat(0)
  let s12 = f32x4.splat(0)
  let s20 = f32x4.splat(0)
  let s21 = f32x4.splat(0)
  let s22 = f32x4.splat(0)
  for (let n = 0; n < count; n++) {
    const w0 = v128.load(w)
    const w1 = v128.load(w, 16)
    const w2 = v128.load(w, 32)
    let x = v128.load_splat<f32>(k)
    s00 = madd(x, w0, s00)
    s01 = madd(x, w1, s01)
    s02 = madd(x, w2, s02)
    x = v128.load_splat<f32>(k + stride)
    s10 = madd(x, w0, s10)
    s11 = madd(x, w1, s11)
    s12 = madd(x, w2, s12)
    x = v128.load_splat<f32>(k + 2 * stride)
    s20 = madd(x, w0, s20)
    s21 = madd(x, w1, s21)
    s22 = madd(x, w2, s22)
    k += 4
    w += weightBytes
  }
  addTo(out, s00)
  addTo(out + 32, s01)
  addTo(out + 64, s02)
  addTo(out + outStride, s10)
  addTo(out + outStride + 32, s11)
  addTo(out + outStride + 64, s12)
  addTo(out + 2 * outStride, s20)
  addTo(out + 2 * outStride + 32, s21)
  addTo(out + 2 * outStride + 64, s22)
}

/** 3 rows x 4 columns. */
function sums3x1(
  k: usize,
  stride: usize,
  count: i32,
  w: usize,
  weightBytes: usize,
  out: usize,
  outStride: usize,
): void {
  let s0 = f32x4.splat(0)
  let s1 = f32x4.splat(0)
  let s2 = f32x4.splat(0)
  for (let n = 0; n < count; n++) {
    const weight = v128.load(w)
    s0 = madd(v128.load_splat<f32>(k), weight, s0)
    s1 = madd(v128.load_splat<f32>(k + stride), weight, s1)
    s2 = madd(v128.load_splat<f32>(k + 2 * stride), weight, s2)
    k += 4
    w += weightBytes
  }
  addTo(out, s0)
  addTo(out + outStride, s1)
  addTo(out + 2 * outStride, s2)
}

/**
 * Like `weightedSums`, with weights and all sums in f64 (kernel values stay f32). Needed when coefficients are so large
 * that they nearly cancel: a float32 sum would lose all significant digits.
 */
export function exactSums(
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
    for (let c: usize = 0; c < weightBytes; c += 32) {
      let k = kernel + <usize>i * stride
      let w = weights + c
      const to = out + <usize>i * outStride + c
      let low = v128.load(to)
      let high = v128.load(to, 16)
      for (let n = 0; n < length; n++) {
        const x = f64x2.splat(<f64>f32.load(k))
        low = f64x2.add(low, f64x2.mul(x, v128.load(w)))
        high = f64x2.add(high, f64x2.mul(x, v128.load(w, 16)))
        k += 4
        w += weightBytes
      }
      v128.store(to, low)
      v128.store(to, high, 16)
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

/**
 * out[i] = the smallest |x_i - s|^2 over the support vectors s, computed from dot products; f32, at least 0.
 *
 * @param stride bytes between rows of `dots`
 * @param length columns of `dots`: a multiple of 4
 * @param members f32 per column: 1 for a support vector, 0 for padding
 */
export function nearestDistances(
  dots: usize,
  stride: usize,
  rows: i32,
  length: i32,
  rowNorms: usize,
  colNorms: usize,
  members: usize,
  out: usize,
): void {
  const bytes = <usize>length * 4
  const one = f32x4.splat(1)
  for (let i = 0; i < rows; i++) {
    const row = dots + <usize>i * stride
    const norm = f32x4.splat(f32.load(rowNorms + <usize>i * 4))
    let least = f32x4.splat(f32.MAX_VALUE)
    for (let at: usize = 0; at < bytes; at += 16) {
      const dot = v128.load(row + at)
      const distance = f32x4.sub(f32x4.add(norm, v128.load(colNorms + at)), f32x4.add(dot, dot))
      const counted = f32x4.eq(v128.load(members + at), one)
      least = f32x4.pmin(least, v128.bitselect(distance, least, counted))
    }
    least = f32x4.pmin(least, v128.shuffle<f32>(least, least, 2, 3, 0, 1))
    least = f32x4.pmin(least, v128.shuffle<f32>(least, least, 1, 0, 3, 2))
    f32.store(out + <usize>i * 4, max(f32x4.extract_lane(least, 0), 0))
  }
}

/** exp(x) in f64 for x <= 0, by its Taylor series on [-ln 2 / 2, ln 2 / 2]; 0 where the result underflows float64. */
export function exponential(x: f64): f64 {
  if (x < -745) return 0
  const n = nearest(x * 1.4426950408889634)
  const r = x - n * 6.9314718036912381649e-1 - n * 1.90821492927058770002e-10
  let sum: f64 = 1
  for (let k = 13; k > 0; k--) sum = 1 + (sum * r) / <f64>k
  // 2^n in two factors: below -1022 it is subnormal and cannot be built from exponent bits alone.
  const half = <i64>n / 2
  return sum * power(half) * power(<i64>n - half)
}

function power(n: i64): f64 {
  return reinterpret<f64>((n + 1023) << 52)
}
