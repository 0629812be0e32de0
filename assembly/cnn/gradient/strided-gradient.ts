// The gradient of the map that a convolution of 3 x 3 with stride 2 read, by the transpose of its Winograd form. That is
// y = A^T [(G g G^T) * (B^T d B)] A, a linear function of the map d, so the gradient of a tile of 9 x 9 numbers is
// B [(G g G^T) * (A dy A^T)] B^T, summed over the filters: 81 products for 4 x 4 gradients instead of 144. Tiles share a row or a
// column of numbers with their neighbours.
//
// Layouts. `planes`: [planes][tiles of a block][filters]. `sums`: [planes][tiles of a block][channels of a panel]. Weights: those
// of a convolution from filters to channels, as `winograd` takes them.

import { madd } from '../../simd'
import { panelWidth, WIDE } from '../tile'
import { multiplyPanel, WINOGRAD_PLANE_GAP } from '../winograd/winograd'
import { WinogradLayer } from '../winograd/winograd-layer'
import { spreadTileStrided4 } from './winograd-gradient'

/** Numbers of a side of a tile, and the bytes of a row of vectors. */
const SIDE: usize = 9
const ROW: usize = 144

/** Whether the first row, or column, of a tile is also the last one of the tile before. */
const ADDED_ROW: u32 = 1 << 16
const ADDED_COLUMN: u32 = 1 << 17

/** 9 sums to 9 numbers: B m. The two may be the same. */
// @ts-ignore: decorator
@inline
function spreadBack(from: usize, step: usize, to: usize, toStep: usize): void {
  const two = f32x4.splat(2)
  const minusTwo = f32x4.splat(-2)
  const m0 = v128.load(from)
  const m1 = v128.load(from + step)
  const m2 = v128.load(from + 2 * step)
  const m3 = v128.load(from + 3 * step)
  const m4 = v128.load(from + 4 * step)
  const odd0 = v128.load(from + 5 * step)
  const odd1 = v128.load(from + 6 * step)
  const odd2 = v128.load(from + 7 * step)
  const odd3 = v128.load(from + 8 * step)
  v128.store(to, f32x4.add(m0, m0))
  v128.store(to + toStep, odd0)
  v128.store(to + 2 * toStep, madd(two, f32x4.add(f32x4.sub(m2, m1), m4), f32x4.neg(f32x4.add(m0, m3))))
  v128.store(to + 3 * toStep, odd1)
  v128.store(to + 4 * toStep, madd(f32x4.splat(-3), m2, madd(minusTwo, m0, f32x4.neg(f32x4.add(m1, m4)))))
  v128.store(to + 5 * toStep, odd2)
  v128.store(to + 6 * toStep, madd(minusTwo, m4, f32x4.add(f32x4.add(m0, m1), f32x4.add(m2, m3))))
  v128.store(to + 7 * toStep, odd3)
  v128.store(to + 8 * toStep, m4)
}

/** Transforms the sums of a panel's channels into gradients and adds those that tiles share. */
function spreadTilesBack(
  layer: WinogradLayer,
  sums: usize,
  sumBytes: usize,
  tile: i32,
  count: i32,
  channel: i32,
  dx: usize,
  residual: usize,
  scratch: usize,
): void {
  const width = <usize>min(panelWidth(layer.filters - channel), layer.filters - channel) * 4
  const first = <usize>channel * 4
  const pixelBytes = layer.outPixelBytes
  for (let t = tile; t < tile + count; t++) {
    const entry = layer.outTiles + <usize>t * 8
    const corner = dx + first + load<u32>(entry)
    const flags = load<u32>(entry, 4)
    const top = flags & 15
    const bottom = (flags >> 4) & 15
    const left = (flags >> 8) & 15
    const right = (flags >> 12) & 15
    const others = residual ? residual + first + load<u32>(layer.residualTiles + <usize>t * 4) : 0
    for (let at: usize = 0; at < width; at += 16) {
      let plane = sums + at
      for (let row: usize = 0; row < SIDE; row++) {
        spreadBack(plane, sumBytes, scratch + row * ROW, 16)
        plane += SIDE * sumBytes
      }
      for (let column: usize = 0; column < ROW; column += 16) {
        spreadBack(scratch + column, ROW, scratch + column, ROW)
      }
      let to = corner + at
      let other = others + at
      for (let row = top; row < bottom; row++) {
        const isAddedRow = row == 0 && (flags & ADDED_ROW) != 0
        const line = scratch + <usize>row * ROW
        let pixel = to
        let own = other
        for (let column = left; column < right; column++) {
          let value = v128.load(line + <usize>column * 16)
          if (isAddedRow || (column == 0 && (flags & ADDED_COLUMN) != 0)) {
            value = f32x4.add(value, v128.load(pixel))
          } else if (others) value = f32x4.add(value, v128.load(own))
          v128.store(pixel, value)
          pixel += pixelBytes
          own += layer.residualPixelBytes
        }
        to += layer.outRowBytes
        other += layer.residualRowBytes
      }
    }
    sums += WIDE * 4
  }
}

/**
 * The gradient of the map.
 *
 * @param layer of the form STRIDED4. Its input is `dy`, and its filters are the channels of `dx`. `xTiles` has pairs of u32: the
 *   byte offset of each tile's first gradient, and its rows + 256 x its columns; `outTiles` pairs of u32: the byte offset of
 *   the first number of each tile that is on the map `dx`, and the first such row + 16 x the row after the last + 256 x the same
 *   for columns + flags. Tiles are listed row by row. It has neither bias nor epilogue
 * @param tiles of all pictures
 * @param residual a map to add, or 0
 * @param planes, sums, transformed, scratch as for `winograd`
 */
export function stridedGradient(
  layer: WinogradLayer,
  dy: usize,
  tiles: i32,
  dx: usize,
  residual: usize,
  planes: usize,
  sums: usize,
  transformed: usize,
  scratch: usize,
): void {
  const block = layer.block
  const channels = layer.filters
  const planeBytes = <usize>block * layer.pixelBytes + WINOGRAD_PLANE_GAP
  const sumBytes = <usize>(block * WIDE) * 4 + WINOGRAD_PLANE_GAP
  for (let tile = 0; tile < tiles; tile += block) {
    const count = min(block, tiles - tile)
    for (let t = 0; t < count; t++) {
      const entry = layer.xTiles + <usize>(tile + t) * 8
      const from = dy + load<u32>(entry)
      const size = load<i32>(entry, 4)
      const to = planes + <usize>t * layer.pixelBytes
      for (let at: usize = 0; at < layer.pixelBytes; at += 16) {
        spreadTileStrided4(from + at, layer.rowBytes, layer.pixelBytes, size, to + at, planeBytes, scratch)
      }
    }
    let weights = layer.weights
    for (let channel = 0; channel < channels; channel += WIDE) {
      const width = panelWidth(channels - channel)
      weights = multiplyPanel(layer, planes, count, 0, weights, width, sums, transformed, scratch)
      spreadTilesBack(layer, sums, sumBytes, tile, count, channel, dx, residual, scratch)
    }
  }
}
