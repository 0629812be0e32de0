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
 * @param depth numbers of a window
 * @param weights panels: [panels][depth][channels of a panel], as `panelWidth` tells
 * @param bias a number a channel, up to the end of the last panel
 * @param residual a map to add, or 0
 * @param finish address of a `Finish`
 */
export function dense(
  x: usize,
  xOffsets: usize,
  pixels: i32,
  block: i32,
  segments: usize,
  segmentCount: i32,
  depth: i32,
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
    const count = min(block, pixels - from)
    const table = <usize>from * 4
    let panel = weights
    for (let channel = 0; channel < channels; ) {
      const at = <usize>channel * 4
      const width = panelWidth(channels - channel)
      tiles(
        x,
        xOffsets + table,
        count,
        segments,
        segmentCount,
        panel,
        bias + at,
        out + at,
        outOffsets + table,
        residual ? residual + at : 0,
        residualOffsets + table,
        channels - channel,
        finish,
      )
      panel += <usize>depth * width * 4
      channel += width
    }
    if (ending.kind != 0) activateRows(out, outOffsets + table, count, channels, ending)
  }
}
