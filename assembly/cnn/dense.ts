// Convolutions with many input channels, and products with matrices, which are convolutions of one tap.

import { activateRows, Finish } from './activation'
import { tile, TILE_PIXELS } from './tile'

/**
 * out[pixel][channel] = finish(bias[channel] + sum of the pixel's window times weights + residual[pixel][channel]).
 *
 * Offset tables are of u32 bytes, and go on for TILE_PIXELS - 1 pixels behind the last one.
 *
 * @param block pixels whose windows stay in the cache while all weights pass: a multiple of TILE_PIXELS
 * @param segments what a window holds: pairs of i32 (byte offset from the pixel, count of numbers)
 * @param depth numbers of a window
 * @param weights panels of 8 channels: [channels / 8][depth][8]
 * @param bias a number a channel, up to a multiple of 8
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
  const panelBytes = <usize>depth * 32
  for (let from = 0; from < pixels; from += block) {
    const to = min(from + block, pixels)
    let panel = weights
    for (let channel = 0; channel < channels; channel += 8) {
      const at = <usize>channel * 4
      for (let i = from; i < to; i += TILE_PIXELS) {
        const table = <usize>i * 4
        tile(
          x,
          xOffsets + table,
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
      }
      panel += panelBytes
    }
    if (ending.kind != 0) activateRows(out, outOffsets + <usize>from * 4, to - from, channels, ending)
  }
}
