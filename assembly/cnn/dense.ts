// Convolutions with many input channels, and products with matrices, which are convolutions of one tap.

import { activateRows, Finish } from './activation'
import { panelWidth, tiles } from './tile'

/**
 * out[pixel][channel] = finish(bias[channel] + sum of the pixel's window times weights + residual[pixel][channel]).
 *
 * Offset tables are of u32 bytes, and go on for TILE_PIXELS - 1 pixels behind the last one.
 *
 * @param block pixels whose windows stay in the cache while all weights pass: a multiple of TILE_PIXELS
 * @param segments what a window holds: pairs of i32 (byte offset from the pixel, count of numbers)
 * @param parts the segments in parts, whose weights stay in the first-level cache while the pixels of a block pass: pairs
 *   of i32 (segments, numbers)
 * @param weights panels: [panels][depth][channels of a panel], as `panelWidth` tells
 * @param bias one number per channel, up to the end of the last panel
 * @param residual a map to add, or 0
 * @param finish address of a `Finish`
 */
export function dense(
  x: usize,
  xOffsets: usize,
  pixels: i32,
  block: i32,
  segments: usize,
  parts: usize,
  partCount: i32,
  weights: usize,
  bias: usize,
  channels: i32,
  out: usize,
  outOffsets: usize,
  residual: usize,
  residualOffsets: usize,
  finish: usize,
): void {
  const ending = changetype<Finish>(finish)
  for (let from = 0; from < pixels; from += block) {
    const pixelCount = min(block, pixels - from)
    const table = <usize>from * 4
    let panel = weights
    for (let channel = 0; channel < channels; ) {
      const at = <usize>channel * 4
      const width = panelWidth(channels - channel)
      let segment = segments
      for (let part = 0; part < partCount; part++) {
        const count = load<i32>(parts + <usize>part * 8)
        const isLast = part == partCount - 1
        tiles(
          x,
          xOffsets + table,
          pixelCount,
          segment,
          count,
          panel,
          part == 0 ? bias + at : 0,
          out + at,
          outOffsets + table,
          isLast && residual ? residual + at : 0,
          residualOffsets + table,
          channels - channel,
          isLast ? finish : 0,
        )
        segment += <usize>count * 8
        panel += <usize>load<i32>(parts + <usize>part * 8, 4) * width * 4
      }
      channel += width
    }
    if (ending.kind != 0) activateRows(out, outOffsets + table, pixelCount, channels, ending)
  }
}
