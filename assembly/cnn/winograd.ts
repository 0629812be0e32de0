// Convolutions of 3 x 3 with stride 1 by Winograd's F(m x m, 3 x 3) (Lavin and Gray, arXiv:1509.09308), with m = 4 or 2:
// (m + 2)^2 products for m^2 sums of 9. A tile of (m + 2) x (m + 2) numbers is transformed into as many planes, each
// plane is multiplied by a matrix of transformed weights, and what comes out is transformed back into m x m pixels. And
// with stride 2 in a form of 25 planes, which winograd-strided.ts explains.
//
// Layouts. `planes`: [planes][tiles of a block][channels]. Weights: [planes], each in panels as `tiles` takes them; or not
// transformed yet, as winograd-weights.ts takes them.

import { panelWidth, tiles as tilesOfPanel } from './tile'
import { inputTileStrided, outputTileStrided } from './winograd-strided'
import { F4, STRIDED, transformWeights } from './winograd-weights'
import { inputTile2, outputTile2 } from './winograd2'
import { inputTile4, outputTile4 } from './winograd4'

/** Bytes of `scratch`: a tile of 6 x 6 vectors. */
export const WINOGRAD_SCRATCH_BYTES: i32 = 36 * 16

/**
 * Bytes between planes, and between the sums of planes. Without them most planes are a multiple of 4096 bytes apart
 * and share one set of the first-level cache, which makes the transforms twice as slow.
 */
export const WINOGRAD_PLANE_GAP: i32 = 64

/** Channels whose weights are transformed at a time: those of a panel then take 300 kB. */
export const WINOGRAD_CHANNELS: i32 = 128

/** Which plane of weights goes with a plane. */
// @ts-ignore: decorator
@inline
export function weightPlane(form: i32, plane: i32): usize {
  return form == STRIDED ? <usize>(4 * min(plane / 5, 3) + min(plane % 5, 3)) : <usize>plane
}

/** The products of all planes, with weights that are transformed. */
function multiplyPlanes(
  form: i32,
  planes: usize,
  planeBytes: usize,
  planeCount: i32,
  tiles: i32,
  channels: i32,
  segment: usize,
  xOffsets: usize,
  weights: usize,
  zeros: usize,
  filters: i32,
  sums: usize,
  sumBytes: usize,
  outOffsets: usize,
): void {
  let weightBytes: usize = 0
  for (let filter = 0; filter < filters; ) {
    const width = panelWidth(filters - filter)
    weightBytes += <usize>(channels * width) * 4
    filter += width
  }
  for (let plane = 0; plane < planeCount; plane++) {
    let panel = weights + weightPlane(form, plane) * weightBytes
    for (let filter = 0; filter < filters; ) {
      const out = sums + <usize>filter * 4
      const width = panelWidth(filters - filter)
      tilesOfPanel(planes, xOffsets, tiles, segment, 1, panel, zeros, out, outOffsets, 0, 0, width, 0)
      panel += <usize>channels * width * 4
      filter += width
    }
    planes += planeBytes
    sums += sumBytes
  }
}

/** The same with weights that are transformed on the way, into `transformed`. */
function transformAndMultiply(
  form: i32,
  planes: usize,
  planeBytes: usize,
  planeCount: i32,
  tiles: i32,
  channels: i32,
  segments: usize,
  xOffsets: usize,
  weights: usize,
  transformed: usize,
  zeros: usize,
  filters: i32,
  sums: usize,
  sumBytes: usize,
  outOffsets: usize,
  scratch: usize,
): void {
  for (let filter = 0; filter < filters; ) {
    const width = panelWidth(filters - filter)
    const step = <usize>(WINOGRAD_CHANNELS * width) * 4 + WINOGRAD_PLANE_GAP
    for (let channel = 0; channel < channels; channel += WINOGRAD_CHANNELS) {
      const count = min(WINOGRAD_CHANNELS, channels - channel)
      transformWeights(form, weights, count, width, transformed, step, scratch)
      weights += <usize>(count * 9 * width) * 4
      const segment = count == WINOGRAD_CHANNELS ? segments : segments + 8
      const start = channel == 0 ? zeros : 0
      let x = planes + <usize>channel * 4
      let out = sums + <usize>filter * 4
      for (let plane = 0; plane < planeCount; plane++) {
        const panel = transformed + weightPlane(form, plane) * step
        tilesOfPanel(x, xOffsets, tiles, segment, 1, panel, start, out, outOffsets, 0, 0, width, 0)
        x += planeBytes
        out += sumBytes
      }
    }
    filter += width
  }
}

/**
 * The convolution. Channels and filters are multiples of 4.
 *
 * @param form F4, F2 or STRIDED, as in winograd-weights.ts
 * @param xTiles u32: the byte offset of each tile's first number, which is a pixel above and left of its first output
 * @param block tiles whose planes stay in the cache: a multiple of TILE_PIXELS
 * @param planes room for as many times as there are planes block x channels numbers and a gap
 * @param sums room for as many times as there are planes block x filters (up to the end of the last panel) numbers and a gap
 * @param segments as `tiles` takes them: one segment of all channels from 0; or if weights are transformed on the way, one
 *   of WINOGRAD_CHANNELS and one of the channels that are left
 * @param transformed room for as many times as there are planes WINOGRAD_CHANNELS x (channels of a panel) numbers and a gap, if weights are
 *   transformed on the way; else 0
 * @param planeRows, sumRows u32: where the rows of a plane begin
 * @param zeros as many zeros as a panel has channels
 * @param outTiles pairs of u32: the byte offset of the tile's first pixel, its rows + 256 x its columns
 * @param residual a map to add, or 0, with a u32 offset a tile
 * @param finish address of a `Finish`, of which only the clamp is looked at
 * @param scratch WINOGRAD_SCRATCH_BYTES
 */
export function winograd(
  form: i32,
  x: usize,
  xTiles: usize,
  tiles: i32,
  block: i32,
  rowBytes: usize,
  pixelBytes: usize,
  planes: usize,
  sums: usize,
  segments: usize,
  planeRows: usize,
  sumRows: usize,
  zeros: usize,
  weights: usize,
  transformed: usize,
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
  scratch: usize,
): void {
  const planeBytes = <usize>block * pixelBytes + WINOGRAD_PLANE_GAP
  const sumRowBytes = load<u32>(sumRows, 4)
  const sumBytes = <usize>block * sumRowBytes + WINOGRAD_PLANE_GAP
  const planeCount = form == STRIDED ? 25 : (form + 2) * (form + 2)
  for (let from = 0; from < tiles; from += block) {
    const count = min(block, tiles - from)
    for (let t = 0; t < count; t++) {
      const corner = x + load<u32>(xTiles + <usize>(from + t) * 4)
      const to = planes + <usize>t * pixelBytes
      if (form == F4) inputTile4(corner, rowBytes, pixelBytes, to, planeBytes, scratch)
      else if (form == STRIDED) inputTileStrided(corner, rowBytes, pixelBytes, to, planeBytes, scratch)
      else inputTile2(corner, rowBytes, pixelBytes, to, planeBytes, scratch)
    }
    const channels = <i32>pixelBytes >> 2
    if (transformed) {
      transformAndMultiply(
        form,
        planes,
        planeBytes,
        planeCount,
        count,
        channels,
        segments,
        planeRows,
        weights,
        transformed,
        zeros,
        filters,
        sums,
        sumBytes,
        sumRows,
        scratch,
      )
    } else {
      multiplyPlanes(
        form,
        planes,
        planeBytes,
        planeCount,
        count,
        channels,
        segments,
        planeRows,
        weights,
        zeros,
        filters,
        sums,
        sumBytes,
        sumRows,
      )
    }
    for (let t = 0; t < count; t++) {
      const entry = outTiles + <usize>(from + t) * 8
      const corner = out + load<u32>(entry)
      const added = residual ? residual + load<u32>(residualTiles + <usize>(from + t) * 4) : 0
      const rows: i32 = load<u32>(entry, 4) & 255
      const columns: i32 = load<u32>(entry, 4) >> 8
      const tile = sums + <usize>t * sumRowBytes
      for (let at: usize = 0; at < <usize>filters * 4; at += 16) {
        const own = added ? added + at : 0
        if (form == F4) {
          outputTile4(
            tile + at,
            sumBytes,
            bias + at,
            corner + at,
            outRowBytes,
            outPixelBytes,
            rows,
            columns,
            own,
            residualRowBytes,
            residualPixelBytes,
            finish,
            scratch,
          )
        } else if (form == STRIDED) {
          outputTileStrided(
            tile + at,
            sumBytes,
            bias + at,
            corner + at,
            outRowBytes,
            outPixelBytes,
            rows,
            columns,
            own,
            residualRowBytes,
            residualPixelBytes,
            finish,
            scratch,
          )
        } else {
          outputTile2(
            tile + at,
            sumBytes,
            bias + at,
            corner + at,
            outRowBytes,
            outPixelBytes,
            rows,
            columns,
            own,
            residualRowBytes,
            residualPixelBytes,
            finish,
            scratch,
          )
        }
      }
    }
  }
}
