// Convolutions of 3 x 3 by Winograd's F(m x m, 3 x 3) (Lavin and Gray, arXiv:1509.09308), with m = 4 or 2: (m + 2)^2
// products for m^2 sums of 9. A tile of (m + 2) x (m + 2) numbers is transformed into as many planes, each plane is
// multiplied by a matrix of transformed weights, and the products are transformed back into m x m pixels. With stride 2
// a tile has 9 x 9 or 5 x 5 numbers: see winograd-strided.ts. Sides that are no multiple of 4 have tiles of 3 rows or columns,
// which leave out some planes: see winograd3.ts.
//
// A block of tiles goes through all filters, one panel of them at a time, so that weights are transformed once a block and
// the sums of a panel stay in the second-level cache until they are pixels.
//
// Layouts. `planes`: [planes][tiles of a block][channels]. `sums`: [planes][tiles of a block][channels of a panel].
// Weights: [panels][planes][channels][channels of a panel]; or not transformed yet, as `packUntransformed` writes them.

import { panelWidth, tiles as tilesOfPanel, WIDE } from '../tile'
import { inputSide, WinogradLayer, weightSide } from './winograd-layer'
import { inputTiles } from './winograd-input'
import { kindOfPlane, listOf, listTiles, sumRowsIn } from './winograd-lists'
import { outputTiles } from './winograd-output'
import { transformWeights } from './winograd-weights'

/**
 * Bytes between planes, and between the sums of planes. Without them most planes are a multiple of 4096 bytes apart
 * and share one set of the first-level cache, which makes the transforms twice as slow.
 */
export const WINOGRAD_PLANE_GAP: i32 = 64

/** Bytes of `scratch`: the largest tile, which is that of STRIDED4, 9 x 9 vectors. */
export const WINOGRAD_SCRATCH_BYTES: i32 = 9 * 9 * 16

/** Channels whose weights are transformed at a time: those of a panel then take 300 kB. */
export const WINOGRAD_CHANNELS: i32 = 128

/**
 * The products of all planes with some channels of a panel of weights.
 *
 * @param x the first of these channels in the planes
 * @param lists see `listTiles`; 0 if all tiles have all planes
 * @param start what sums begin with: zeros; or 0, to go on from `sums`
 * @param step bytes from plane to plane of weights
 */
function multiplyPlanes(
  layer: WinogradLayer,
  x: usize,
  count: i32,
  lists: usize,
  segment: usize,
  panel: usize,
  step: usize,
  start: usize,
  sums: usize,
  width: i32,
): void {
  const side = inputSide(layer.form)
  const own = weightSide(layer.form) - 1
  const planeBytes = <usize>layer.block * layer.pixelBytes + WINOGRAD_PLANE_GAP
  const sumBytes = <usize>(layer.block * WIDE) * 4 + WINOGRAD_PLANE_GAP
  // With stride 2 the planes beyond the last row and column of weights share those of the last.
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const weights = panel + <usize>(min(row, own) * (own + 1) + min(column, own)) * step
      const kind = lists ? kindOfPlane(layer.form, row, column) : 0
      if (kind) {
        const list = listOf(kind, lists, layer.block)
        const to = list + sumRowsIn(layer.block)
        tilesOfPanel(x, list + 4, load<i32>(list), segment, 1, weights, start, sums, to, 0, 0, width, 0)
      } else {
        tilesOfPanel(
          x,
          layer.planeRows,
          count,
          segment,
          1,
          weights,
          start,
          sums,
          layer.sumRows,
          0,
          0,
          width,
          0,
        )
      }
      x += planeBytes
      sums += sumBytes
    }
  }
}

/**
 * Reads a number of each cache line of some weights, so that their transform finds them in the second-level cache. The
 * transform itself reads too little at a time to keep the memory busy.
 *
 * @param scratch where the sum of the numbers is left, which nothing needs, so that no compiler leaves the loop out
 */
function fetch(from: usize, bytes: usize, scratch: usize): void {
  let sum: u32 = 0
  for (const end = from + bytes; from < end; from += 64) sum += load<u32>(from)
  store<u32>(scratch, sum)
}

/**
 * The products of all planes with a panel of weights.
 *
 * @param planes room for (block x channels) numbers and a gap for each plane
 * @param lists see `listTiles`; 0 if all tiles have all planes
 * @param weights of the panel
 * @param width channels of the panel
 * @param transformed, scratch as for `winograd`
 * @returns address of the next panel's weights
 */
export function multiplyPanel(
  layer: WinogradLayer,
  planes: usize,
  count: i32,
  lists: usize,
  weights: usize,
  width: i32,
  sums: usize,
  transformed: usize,
  scratch: usize,
): usize {
  const segments = layer.segments
  const channels = <i32>(layer.pixelBytes >> 2)
  if (!layer.isLate) {
    const step = <usize>(channels * width) * 4 + WINOGRAD_PLANE_GAP
    multiplyPlanes(layer, planes, count, lists, segments, weights, step, layer.zeros, sums, width)
    return weights + <usize>(weightSide(layer.form) * weightSide(layer.form)) * step
  }
  const step = <usize>(WINOGRAD_CHANNELS * width) * 4 + WINOGRAD_PLANE_GAP
  for (let channel = 0; channel < channels; channel += WINOGRAD_CHANNELS) {
    const part = min(WINOGRAD_CHANNELS, channels - channel)
    const bytes = <usize>(part * 9 * width) * 4
    fetch(weights, bytes, scratch)
    transformWeights(layer.form, weights, part, width, transformed, step)
    weights += bytes
    // The second segment (offset and count) is that of the channels that are left over.
    const segment = part == WINOGRAD_CHANNELS ? segments : segments + 8
    const start = channel == 0 ? layer.zeros : 0
    const x = planes + <usize>channel * 4
    multiplyPlanes(layer, x, count, lists, segment, transformed, step, start, sums, width)
  }
  return weights
}

/**
 * The convolution.
 *
 * @param layer address of a `WinogradLayer`
 * @param tiles how many there are, of all pictures
 * @param residual a map to add, or 0
 * @param planes room for (block x channels) numbers and a gap for each plane
 * @param sums room for (block x WIDE) numbers and a gap for each plane
 * @param transformed room for (WINOGRAD_CHANNELS x WIDE) numbers and a gap for each plane of weights, if weights are
 *   transformed on the way
 * @param lists room for the lists of a block's tiles, see `listTiles`; 0 if the layer has no tiles of three
 * @param scratch WINOGRAD_SCRATCH_BYTES
 */
export function winograd(
  layer: WinogradLayer,
  x: usize,
  tiles: i32,
  out: usize,
  residual: usize,
  planes: usize,
  sums: usize,
  transformed: usize,
  lists: usize,
  scratch: usize,
): void {
  const block = layer.block
  const filters = layer.filters
  const planeBytes = <usize>block * layer.pixelBytes + WINOGRAD_PLANE_GAP
  const sumBytes = <usize>(block * WIDE) * 4 + WINOGRAD_PLANE_GAP
  for (let tile = 0; tile < tiles; tile += block) {
    const count = min(block, tiles - tile)
    inputTiles(layer, x, tile, count, planes, planeBytes, scratch)
    if (lists) listTiles(layer, tile, count, lists)
    let weights = layer.weights
    for (let filter = 0; filter < filters; filter += WIDE) {
      const width = panelWidth(filters - filter)
      weights = multiplyPanel(layer, planes, count, lists, weights, width, sums, transformed, scratch)
      outputTiles(layer, sums, sumBytes, tile, count, filter, out, residual, scratch)
    }
  }
}
