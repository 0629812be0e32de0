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
