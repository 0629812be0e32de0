// Convolutions of 7 x 7 with stride 2 of at most 4 channels, such as the first layer of a ResNet, by a Winograd form in one
// dimension. Of the 7 weights of a row, the 4 even ones meet only the even columns of the map, and the 3 odd ones only the odd
// columns. So 4 output columns are F(4, 4) on the even columns plus F(4, 3) on the odd ones, and cost 7 + 6 = 13 products for
// each weight row instead of 4 x 7 = 28. F(4, 4) has the points 0, 1, -1, 2, -2, 1/2 and infinity.
//
// Layout of `planes`: [13 planes][tiles of a row][rows][channels], so that the 7 rows of a column lie side by side.

import { madd } from '../simd'
import { Epilogue } from './activation'
import { panelWidth, tiles as tilesOfPanel, WIDE } from './tile'
import { backward4, forward4 } from './winograd/winograd4'

/** Planes: 7 of the even columns, then 6 of the odd ones. */
const STEM_PLANES: i32 = 13
/** Bytes of `scratch` that `stem` needs: a vector for each of 4 pixels. */
export const STEM_SCRATCH_BYTES: i32 = 4 * 16

/**
 * Sizes, strides and weights of a stem convolution. src/cnn/engine/planning/steps-stem.ts writes the fields in this order, 4
 * bytes each.
 */
@unmanaged
export class StemLayer {
  /** The byte offset of the first window in the input, and the strides. */
  corner: usize
  rowBytes: usize
  pixelBytes: usize
  pictureBytes: usize
  channels: i32
  /** Rows of pixels that are computed together. */
  blockRows: i32
  /** The size of the output, and its filters, rounded up to a multiple of 4. */
  height: i32
  width: i32
  filters: i32
  /** The byte offset of the first pixel of the output, and the strides. */
  outCorner: usize
  outRowBytes: usize
  outPixelBytes: usize
  outPictureBytes: usize
  /** Tables of u32 offsets, one a tile of a block: `windows` into a plane, `sumRows` into its sums. */
  windows: usize
  sumRows: usize
  /** One segment of 7 x channels numbers, as `tiles` takes it. */
  segments: usize
  /** [panels][13 planes], each as `tiles` takes them. */
  weights: usize
  /** A number for each filter, up to the end of the last panel. */
  bias: usize
  /** As many zeros as a panel has channels. */
  zeros: usize
  /** Only the clamp is used. */
  epilogue: Epilogue
}

/** 4 a - 5 b + c. (x^2 - 1)(x^2 - 4) = 4 - 5 x^2 + x^4 is common to the rows of the points 0, 1/2 and infinity. */
// @ts-ignore: decorator
@inline
function atZeroHalfAndInfinity(a: v128, b: v128, c: v128): v128 {
  return f32x4.add(madd(f32x4.splat(4), a, f32x4.mul(f32x4.splat(-5), b)), c)
}

/** 2 a - 4 b - c / 2 + d. (x^2 - 4)(x - 1/2) is common to the rows of the points 1 and -1. */
// @ts-ignore: decorator
@inline
function atPlusMinusOne(a: v128, b: v128, c: v128, d: v128): v128 {
  const two = f32x4.splat(2)
  return f32x4.add(madd(f32x4.splat(-0.5), c, f32x4.mul(two, f32x4.sub(a, f32x4.add(b, b)))), d)
}

/** (a - c) / 2 - b + d. (x^2 - 1)(x - 1/2) is common to the rows of the points 2 and -2. */
// @ts-ignore: decorator
@inline
function atPlusMinusTwo(a: v128, b: v128, c: v128, d: v128): v128 {
  return madd(f32x4.splat(0.5), f32x4.sub(a, c), f32x4.sub(d, b))
}

/** 7 numbers to 7, F(4, 4)'s B^T d. */
// @ts-ignore: decorator
@inline
function forwardEven(from: usize, step: usize, to: usize, toStep: usize): void {
  const minusHalf = f32x4.splat(-0.5)
  const d0 = v128.load(from)
  const d1 = v128.load(from + step)
  const d2 = v128.load(from + 2 * step)
  const d3 = v128.load(from + 3 * step)
  const d4 = v128.load(from + 4 * step)
  const d5 = v128.load(from + 5 * step)
  const d6 = v128.load(from + 6 * step)
  const half = atZeroHalfAndInfinity(d1, d3, d5)
  v128.store(to, madd(minusHalf, atZeroHalfAndInfinity(d0, d2, d4), half))
  const onesFrom1 = atPlusMinusOne(d1, d2, d3, d4)
  const onesFrom2 = atPlusMinusOne(d2, d3, d4, d5)
  v128.store(to + toStep, f32x4.add(onesFrom2, onesFrom1))
  v128.store(to + 2 * toStep, f32x4.sub(onesFrom2, onesFrom1))
  const twosFrom1 = atPlusMinusTwo(d1, d2, d3, d4)
  const twosFrom2 = atPlusMinusTwo(d2, d3, d4, d5)
  const twiceTwosFrom1 = f32x4.add(twosFrom1, twosFrom1)
  v128.store(to + 3 * toStep, f32x4.add(twosFrom2, twiceTwosFrom1))
  v128.store(to + 4 * toStep, f32x4.sub(twosFrom2, twiceTwosFrom1))
  v128.store(to + 5 * toStep, half)
  v128.store(to + 6 * toStep, madd(minusHalf, half, atZeroHalfAndInfinity(d2, d4, d6)))
}

/**
 * Some rows of the input to planes. A vector holds all channels of a pixel and what is behind them, which lands on the row
 * below and is overwritten with it.
 */
function inputRows(layer: StemLayer, from: usize, rows: i32, planes: usize, planeBytes: usize): void {
  const rowBytes = layer.rowBytes
  const pixelBytes = layer.pixelBytes
  const numbers = <usize>layer.channels * 4
  const step = 2 * pixelBytes
  const columnBytes = <usize>(2 * layer.blockRows + 5) * numbers
  const odd = 7 * planeBytes
  for (let x = 0; x < layer.width; x += 4) {
    let at = from
    let to = planes
    for (let row = 0; row < rows; row++) {
      forwardEven(at, step, to, planeBytes)
      forward4(at + pixelBytes, step, to + odd, planeBytes)
      at += rowBytes
      to += numbers
    }
    from += 8 * pixelBytes
    planes += columnBytes
  }
}

/** The sums of a panel to rows of pixels: F(4, 4)'s A^T m and F(4, 3)'s, bias and clamp. */
function outputRows(
  layer: StemLayer,
  sums: usize,
  sumBytes: usize,
  rows: i32,
  filter: i32,
  to: usize,
  scratch: usize,
): void {
  const low = f32x4.splat(layer.epilogue.low)
  const high = f32x4.splat(layer.epilogue.high)
  const pixelBytes = layer.outPixelBytes
  const width = <usize>min(panelWidth(layer.filters - filter), layer.filters - filter) * 4
  for (let row = 0; row < rows; row++) {
    let corner = to + <usize>row * layer.outRowBytes
    for (let x = 0; x < layer.width; x += 4) {
      for (let at: usize = 0; at < width; at += 16) {
        const even = sums + at
        backward4(even + 7 * sumBytes, sumBytes, scratch, 16)
        const bias = v128.load(layer.bias + <usize>filter * 4 + at)
        const m1 = v128.load(even + sumBytes)
        const m2 = v128.load(even + 2 * sumBytes)
        const m3 = v128.load(even + 3 * sumBytes)
        const m4 = v128.load(even + 4 * sumBytes)
        const m5 = v128.load(even + 5 * sumBytes)
        const sum = f32x4.add(f32x4.add(m1, m2), bias)
        const difference = f32x4.add(f32x4.sub(m1, m2), bias)
        const sumOfTwos = f32x4.add(m3, m4)
        const differenceOfTwos = f32x4.sub(m3, m4)
        const y0 = f32x4.add(f32x4.add(f32x4.add(v128.load(even), sum), sumOfTwos), m5)
        const y1 = madd(f32x4.splat(0.5), m5, madd(f32x4.splat(2), differenceOfTwos, difference))
        const y2 = madd(f32x4.splat(0.25), m5, madd(f32x4.splat(4), sumOfTwos, sum))
        const y3 = madd(f32x4.splat(0.125), m5, madd(f32x4.splat(8), differenceOfTwos, difference))
        const pixel = corner + at
        put(pixel, y0, v128.load(scratch), low, high)
        if (x + 1 < layer.width) put(pixel + pixelBytes, y1, v128.load(scratch, 16), low, high)
        if (x + 2 < layer.width) put(pixel + 2 * pixelBytes, y2, v128.load(scratch, 32), low, high)
        if (x + 3 < layer.width) {
          const last = f32x4.add(y3, v128.load(even + 6 * sumBytes))
          put(pixel + 3 * pixelBytes, last, v128.load(scratch, 48), low, high)
        }
      }
      sums += WIDE * 4
      corner += 4 * pixelBytes
    }
  }
}

// @ts-ignore: decorator
@inline
function put(to: usize, even: v128, odd: v128, low: v128, high: v128): void {
  // In this order of arguments a NaN stays one.
  v128.store(to, f32x4.pmin(f32x4.pmax(f32x4.add(even, odd), low), high))
}

/**
 * Computes a 7 x 7 convolution with stride 2 for a batch of images.
 *
 * @param layer address of a `StemLayer`
 * @param pictures number of images
 * @param planes room for 13 x (tiles of a row) x (2 blockRows + 5) x channels numbers, and 4 more for each plane
 * @param sums room for 13 x (tiles of a block) x WIDE numbers, and a gap for each plane
 * @param gap bytes between the sums of planes
 * @param scratch STEM_SCRATCH_BYTES
 */
export function stem(
  layer: StemLayer,
  x: usize,
  pictures: i32,
  out: usize,
  planes: usize,
  sums: usize,
  gap: usize,
  scratch: usize,
): void {
  const blockRows = layer.blockRows
  const channels = layer.channels
  const filters = layer.filters
  const across = (layer.width + 3) / 4
  const planeBytes = <usize>(across * (2 * blockRows + 5) * channels) * 4 + 16
  const sumBytes = <usize>(across * blockRows * WIDE) * 4 + gap
  const depth = <usize>(7 * channels) * 4
  for (let picture = 0; picture < pictures; picture++) {
    for (let y = 0; y < layer.height; y += blockRows) {
      const rows = min(blockRows, layer.height - y)
      const from = x + layer.corner + <usize>(2 * y) * layer.rowBytes
      inputRows(layer, from, 2 * rows + 5, planes, planeBytes)
      let panel = layer.weights
      for (let filter = 0; filter < filters; filter += WIDE) {
        const width = panelWidth(filters - filter)
        for (let plane = 0; plane < STEM_PLANES; plane++) {
          tilesOfPanel(
            planes + <usize>plane * planeBytes,
            layer.windows,
            rows * across,
            layer.segments,
            1,
            panel,
            layer.zeros,
            sums + <usize>plane * sumBytes,
            layer.sumRows,
            0,
            0,
            width,
            0,
          )
          panel += depth * <usize>width
        }
        const corner = out + layer.outCorner + <usize>y * layer.outRowBytes + <usize>filter * 4
        outputRows(layer, sums, sumBytes, rows, filter, corner, scratch)
      }
    }
    x += layer.pictureBytes
    out += layer.outPictureBytes
  }
}
