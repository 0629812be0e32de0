// Convolutions of 3 x 3 with stride 1 by Winograd's F(4 x 4, 3 x 3) (Lavin and Gray, arXiv:1509.09308): 36 products
// for 16 sums of 9. A tile of 6 x 6 numbers is transformed into 36 planes, each plane is multiplied by a matrix of
// transformed weights, and what comes out is transformed back into 4 x 4 pixels.
//
// Layouts. `planes`: [36][tiles of a block][channels]. Weights: [36][filters / 8][channels][8].

import { Finish } from './activation'
import { tile, TILE_PIXELS } from './tile'

// @ts-ignore: decorator
@inline
function times(x: v128, factor: f32): v128 {
  return f32x4.mul(x, f32x4.splat(factor))
}

/** One row of six numbers by the input's matrix: out = B^T d. Steps are bytes. */
// @ts-ignore: decorator
@inline
function transformInput(from: usize, step: usize, to: usize, toStep: usize): void {
  const d0 = v128.load(from)
  const d1 = v128.load(from + step)
  const d2 = v128.load(from + 2 * step)
  const d3 = v128.load(from + 3 * step)
  const d4 = v128.load(from + 4 * step)
  const d5 = v128.load(from + 5 * step)
  const even = f32x4.sub(d4, times(d2, 4))
  const odd = f32x4.sub(d3, times(d1, 4))
  const even2 = f32x4.sub(d4, d2)
  const odd2 = times(f32x4.sub(d3, d1), 2)
  v128.store(to, f32x4.add(f32x4.sub(times(d0, 4), times(d2, 5)), d4))
  v128.store(to + toStep, f32x4.add(even, odd))
  v128.store(to + 2 * toStep, f32x4.sub(even, odd))
  v128.store(to + 3 * toStep, f32x4.add(even2, odd2))
  v128.store(to + 4 * toStep, f32x4.sub(even2, odd2))
  v128.store(to + 5 * toStep, f32x4.add(f32x4.sub(times(d1, 4), times(d3, 5)), d5))
}

/** Six sums back into four: out = A^T m. */
// @ts-ignore: decorator
@inline
function transformOutput(from: usize, step: usize, to: usize, toStep: usize): void {
  const m0 = v128.load(from)
  const m1 = v128.load(from + step)
  const m2 = v128.load(from + 2 * step)
  const m3 = v128.load(from + 3 * step)
  const m4 = v128.load(from + 4 * step)
  const m5 = v128.load(from + 5 * step)
  const sum12 = f32x4.add(m1, m2)
  const difference12 = f32x4.sub(m1, m2)
  const sum34 = f32x4.add(m3, m4)
  const difference34 = f32x4.sub(m3, m4)
  v128.store(to, f32x4.add(f32x4.add(m0, sum12), sum34))
  v128.store(to + toStep, f32x4.add(difference12, times(difference34, 2)))
  v128.store(to + 2 * toStep, f32x4.add(sum12, times(sum34, 4)))
  v128.store(to + 3 * toStep, f32x4.add(f32x4.add(difference12, times(difference34, 8)), m5))
}

/** Bytes of `scratch`: a tile of 6 x 6 vectors. */
export const WINOGRAD_SCRATCH_BYTES: i32 = 36 * 16

function inputPlanes(
  x: usize,
  tileOffsets: usize,
  tiles: i32,
  rowBytes: usize,
  pixelBytes: usize,
  planes: usize,
  planeBytes: usize,
  scratch: usize,
): void {
  for (let t = 0; t < tiles; t++) {
    let from = x + load<u32>(tileOffsets + <usize>t * 4)
    let to = planes + <usize>t * pixelBytes
    for (const end = from + pixelBytes; from < end; from += 16) {
      for (let column: usize = 0; column < 6; column++) {
        transformInput(from + column * pixelBytes, rowBytes, scratch + column * 16, 96)
      }
      for (let row: usize = 0; row < 6; row++) {
        transformInput(scratch + row * 96, 16, to + row * 6 * planeBytes, planeBytes)
      }
      to += 16
    }
  }
}

function multiplyPlanes(
  planes: usize,
  planeBytes: usize,
  tiles: i32,
  pixelBytes: usize,
  segment: usize,
  xOffsets: usize,
  weights: usize,
  zeros: usize,
  filters: i32,
  sums: usize,
  sumBytes: usize,
  outOffsets: usize,
  linear: usize,
): void {
  let panel = weights
  for (let plane = 0; plane < 36; plane++) {
    for (let filter = 0; filter < filters; filter += 8) {
      const out = sums + <usize>filter * 4
      for (let t = 0; t < tiles; t += TILE_PIXELS) {
        const table = <usize>t * 4
        tile(planes, xOffsets + table, segment, 1, panel, zeros, out, outOffsets + table, 0, 0, 8, linear)
      }
      panel += pixelBytes * 8
    }
    planes += planeBytes
    sums += sumBytes
  }
}

function outputPixels(
  sums: usize,
  sumBytes: usize,
  tiles: i32,
  filters: i32,
  bias: usize,
  out: usize,
  outTiles: usize,
  outRowBytes: usize,
  outPixelBytes: usize,
  residual: usize,
  residualTiles: usize,
  residualRowBytes: usize,
  residualPixelBytes: usize,
  low: v128,
  high: v128,
  scratch: usize,
): void {
  const rowBytes = <usize>((filters + 7) & ~7) * 4
  const made = scratch + 24 * 16
  for (let t = 0; t < tiles; t++) {
    const entry = outTiles + <usize>t * 8
    const corner = out + load<u32>(entry)
    const added = residual ? residual + load<u32>(residualTiles + <usize>t * 4) : 0
    const sides = load<u32>(entry, 4)
    const rows: usize = sides & 255
    const columns: usize = sides >> 8
    for (let at: usize = 0; at < <usize>filters * 4; at += 16) {
      const from = sums + <usize>t * rowBytes + at
      const b = v128.load(bias + at)
      for (let row: usize = 0; row < 6; row++) {
        transformOutput(from + row * 6 * sumBytes, sumBytes, scratch + row * 64, 16)
      }
      for (let column: usize = 0; column < columns; column++) {
        transformOutput(scratch + column * 16, 64, made, 16)
        for (let row: usize = 0; row < rows; row++) {
          let sum = f32x4.add(v128.load(made + row * 16), b)
          if (residual) {
            sum = f32x4.add(sum, v128.load(added + row * residualRowBytes + column * residualPixelBytes + at))
          }
          v128.store(
            corner + row * outRowBytes + column * outPixelBytes + at,
            f32x4.pmin(f32x4.pmax(sum, low), high),
          )
        }
      }
    }
  }
}

/**
 * The convolution. Channels and filters are multiples of 4.
 *
 * @param xTiles u32: the byte offset of each tile's first number, which is a pixel above and left of its first output
 * @param block tiles whose planes stay in the cache: a multiple of TILE_PIXELS
 * @param planes room for 36 x block x channels numbers
 * @param sums room for 36 x block x filters (up to a multiple of 8) numbers
 * @param segment one segment of `channels` numbers from 0, as `tile` takes it
 * @param planeRows, sumRows u32: where the rows of a plane begin
 * @param zeros 8 zeros
 * @param outTiles pairs of u32: the byte offset of the tile's first pixel, its rows + 256 x its columns
 * @param residual a map to add, or 0, with a u32 offset a tile
 * @param linear a `Finish` that leaves sums as they are
 * @param scratch WINOGRAD_SCRATCH_BYTES
 */
export function winograd(
  x: usize,
  xTiles: usize,
  tiles: i32,
  block: i32,
  rowBytes: usize,
  pixelBytes: usize,
  planes: usize,
  sums: usize,
  segment: usize,
  planeRows: usize,
  sumRows: usize,
  zeros: usize,
  weights: usize,
  bias: usize,
  filters: i32,
  out: usize,
  outTiles: usize,
  outRowBytes: usize,
  outPixelBytes: usize,
  residual: usize,
  residualTiles: usize,
  residualRowBytes: usize,
  residualPixelBytes: usize,
  finish: usize,
  linear: usize,
  scratch: usize,
): void {
  const ending = changetype<Finish>(finish)
  const low = f32x4.splat(ending.low)
  const high = f32x4.splat(ending.high)
  const planeBytes = <usize>block * pixelBytes
  const sumBytes = <usize>block * <usize>((filters + 7) & ~7) * 4
  for (let from = 0; from < tiles; from += block) {
    const count = min(block, tiles - from)
    inputPlanes(x, xTiles + <usize>from * 4, count, rowBytes, pixelBytes, planes, planeBytes, scratch)
    multiplyPlanes(
      planes,
      planeBytes,
      count,
      pixelBytes,
      segment,
      planeRows,
      weights,
      zeros,
      filters,
      sums,
      sumBytes,
      sumRows,
      linear,
    )
    outputPixels(
      sums,
      sumBytes,
      count,
      filters,
      bias,
      out,
      outTiles + <usize>from * 8,
      outRowBytes,
      outPixelBytes,
      residual,
      residualTiles + <usize>from * 4,
      residualRowBytes,
      residualPixelBytes,
      low,
      high,
      scratch,
    )
  }
}
