// Convolutions with many input channels, and products with matrices, which are convolutions of one tap.

import { activateRows, Epilogue, NONE } from './activation'
import { panelWidth, tiles } from './tile'

/**
 * out[pixel][channel] = epilogue(bias[channel] + sum of the pixel's window times weights + residual[pixel][channel]).
 *
 * Offset tables are of u32 bytes, and go on for TILE_PIXELS - 1 pixels behind the last one.
 *
 * @param pixelBlock pixels whose windows stay in the cache while all weights pass: a multiple of TILE_PIXELS
 * @param segments what a window holds: pairs of i32 (byte offset from the pixel, count of numbers)
 * @param depthBlocks the window in blocks of consecutive segments, whose weights stay in the first-level cache while the
 *   pixels of a block pass: pairs of i32 (segments, numbers)
 * @param weights panels: [panels][depth][channels of a panel], as `panelWidth` tells
 * @param bias one number per channel, up to the end of the last panel
 * @param residual a map to add, or 0
 * @param epilogueAddress address of an `Epilogue`
 */
export function dense(
  x: usize,
  xOffsets: usize,
  pixels: i32,
  pixelBlock: i32,
  segments: usize,
  depthBlocks: usize,
  depthBlockCount: i32,
  weights: usize,
  bias: usize,
  channels: i32,
  out: usize,
  outOffsets: usize,
  residual: usize,
  residualOffsets: usize,
  epilogueAddress: usize,
): void {
  const epilogue = changetype<Epilogue>(epilogueAddress)
  const finishes = residual != 0 || epilogue.low > -Infinity || epilogue.high < Infinity
  for (let from = 0; from < pixels; from += pixelBlock) {
    const pixelCount = min(pixelBlock, pixels - from)
    const table = <usize>from * 4
    let panel = weights
    for (let channel = 0; channel < channels; ) {
      const at = <usize>channel * 4
      const width = panelWidth(channels - channel)
      let segment = segments
      for (let depthBlock = 0; depthBlock < depthBlockCount; depthBlock++) {
        const count = load<i32>(depthBlocks + <usize>depthBlock * 8)
        const isLast = depthBlock == depthBlockCount - 1
        // Later blocks start from the sums that are already in `out` (bias 0).
        tiles(
          x,
          xOffsets + table,
          pixelCount,
          segment,
          count,
          panel,
          depthBlock == 0 ? bias + at : 0,
          out + at,
          outOffsets + table,
          isLast && residual ? residual + at : 0,
          residualOffsets + table,
          channels - channel,
          isLast && finishes ? epilogueAddress : 0,
        )
        segment += <usize>count * 8
        panel += <usize>load<i32>(depthBlocks + <usize>depthBlock * 8, 4) * width * 4
      }
      channel += width
    }
    // `tiles` only clamps; any other activation follows here.
    if (epilogue.kind != NONE) activateRows(out, outOffsets + table, pixelCount, channels, epilogue)
  }
}
