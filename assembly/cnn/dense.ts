// Convolutions with many input channels, and products with matrices, which are convolutions of one tap.

import { activateRows, Epilogue, NONE } from './activation'
import { panelWidth, TILE_PIXELS, tiles } from './tile'

/**
 * Where a block of weights meets at most so many pixels, to read it from beyond the second-level cache takes a good part of
 * the time. The pixels are then computed in parts, after each of which a share of the next block is read, which tells the
 * processor to fetch the rest in time: layers of 7 x 7 pixels are 3 % faster.
 */
const FEW_PIXELS: i32 = 64
const PARTS: i32 = 7
const LINE: usize = 64

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
    const part = pixelCount > FEW_PIXELS ? pixelCount : (pixelCount / PARTS + TILE_PIXELS) & -TILE_PIXELS
    let panel = weights
    for (let channel = 0; channel < channels; ) {
      const at = <usize>channel * 4
      const width = panelWidth(channels - channel)
      let segment = segments
      for (let depthBlock = 0; depthBlock < depthBlockCount; depthBlock++) {
        const count = load<i32>(depthBlocks + <usize>depthBlock * 8)
        const isLast = depthBlock == depthBlockCount - 1
        const next = panel + <usize>load<i32>(depthBlocks + <usize>depthBlock * 8, 4) * width * 4
        const isEnd = isLast && channel + <i32>width >= channels
        const share = isEnd ? 0 : (next - panel) / PARTS
        let ahead = next
        for (let first = 0; first < pixelCount; first += part) {
          const row = table + <usize>first * 4
          // Later blocks start from the sums that are already in `out` (bias 0).
          tiles(
            x,
            xOffsets + row,
            min(part, pixelCount - first),
            segment,
            count,
            panel,
            depthBlock == 0 ? bias + at : 0,
            out + at,
            outOffsets + row,
            isLast && residual ? residual + at : 0,
            residualOffsets + row,
            channels - channel,
            isLast && finishes ? epilogueAddress : 0,
          )
          for (const end = ahead + share; ahead < end; ahead += LINE) load<i32>(ahead)
        }
        segment += <usize>count * 8
        panel = next
      }
      channel += width
    }
    // `tiles` only clamps; any other activation follows here.
    if (epilogue.kind != NONE) activateRows(out, outOffsets + table, pixelCount, channels, epilogue)
  }
}
