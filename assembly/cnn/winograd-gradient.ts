// Gradients of the weights of convolutions of 3 x 3 by Winograd's convolution. With stride 1 it is
// y = A^T [(G g G^T) * (B^T d B)] A, a linear function of its weights g, so their gradient is
// G^T [(A dy A^T) * (B^T d B)] G summed over the tiles: 36 products for each tile of 4 x 4 instead of 144. With stride 2 the
// form of winograd-strided.ts is turned round in the same way: 25 products for each tile of 2 x 2 instead of 36.
//
// Layouts. `planes`: [planes][tiles of a block][channels]. `dyPlanes`: [planes][panels of OUTER filters][tiles of a
// block][OUTER]. `products`: [planes of weights][channels][OUTER].

import { OUTER, outerProducts } from './outer'
import { weightPlane } from './winograd'
import { gatherTileStrided, spreadTileStrided } from './winograd-gradient-strided'
import { gatherTile4, spreadTile4 } from './winograd-gradient4'
import { inputTileStrided } from './winograd-strided'
import { STRIDED } from './winograd-weights'
import { inputTile4 } from './winograd4'

/**
 * gradient[channel][tap][filter] += sum over the pixels of x[pixel + tap][channel] * dy[pixel][filter], for the 9 taps of
 * a window of 3 x 3. The channels of `x` are those of `pixelBytes`.
 *
 * @param form F4 or STRIDED, as in winograd-weights.ts
 * @param xTiles u32: the byte offset of each tile's first number, which is a pixel above and left of its first output
 * @param block tiles whose planes stay in the cache
 * @param planes room for as many times as there are planes block x channels numbers and `gap` bytes
 * @param gap bytes between planes and between products, so that they do not share one set of the first-level cache
 * @param planeRows u32: where the rows of a plane begin
 * @param dyTiles pairs of u32: the byte offset of the tile's first pixel, its rows + 256 x its columns
 * @param filters a multiple of 4
 * @param filterBytes from one tap of the gradient to the next: the filters, rounded up to OUTER
 * @param dyPlanes room for as many times as there are planes block x (filters, rounded up to OUTER) numbers
 * @param products room for as many times as weights have planes channels x OUTER numbers and `gap` bytes
 * @param scratch WINOGRAD_SCRATCH_BYTES
 */
export function winogradGradient(
  form: i32,
  x: usize,
  xTiles: usize,
  tiles: i32,
  block: i32,
  rowBytes: usize,
  pixelBytes: usize,
  planes: usize,
  gap: usize,
  planeRows: usize,
  dy: usize,
  dyTiles: usize,
  dyRowBytes: usize,
  dyPixelBytes: usize,
  filters: i32,
  gradient: usize,
  filterBytes: usize,
  dyPlanes: usize,
  products: usize,
  scratch: usize,
): void {
  const channels = <i32>pixelBytes >> 2
  const isStrided = form == STRIDED
  const planeCount = isStrided ? 25 : 36
  const planeBytes = <usize>block * pixelBytes + gap
  const dyPlaneBytes = <usize>block * filterBytes
  const panelBytes = <usize>(block * OUTER) * 4
  const productBytes = <usize>(channels * OUTER) * 4 + gap
  for (let from = 0; from < tiles; from += block) {
    const count = min(block, tiles - from)
    for (let t = 0; t < count; t++) {
      const corner = x + load<u32>(xTiles + <usize>(from + t) * 4)
      const tile = planes + <usize>t * pixelBytes
      if (isStrided) inputTileStrided(corner, rowBytes, pixelBytes, tile, planeBytes, scratch)
      else inputTile4(corner, rowBytes, pixelBytes, tile, planeBytes, scratch)
      const entry = dyTiles + <usize>(from + t) * 8
      const pixel = dy + load<u32>(entry)
      const rows: i32 = load<u32>(entry, 4) & 255
      const columns: i32 = load<u32>(entry, 4) >> 8
      for (let filter = 0; filter < filters; filter += 4) {
        const panel = dyPlanes + <usize>(filter / OUTER) * panelBytes
        const to = panel + <usize>(t * OUTER + (filter % OUTER)) * 4
        const own = pixel + <usize>filter * 4
        if (isStrided) {
          spreadTileStrided(own, dyRowBytes, dyPixelBytes, rows, columns, to, dyPlaneBytes, scratch)
        } else spreadTile4(own, dyRowBytes, dyPixelBytes, rows, columns, to, dyPlaneBytes, scratch)
      }
    }
    for (let filter = 0; filter < filters; filter += OUTER) {
      let panel = dyPlanes + <usize>(filter / OUTER) * panelBytes
      let plane = planes
      for (let p = 0; p < planeCount; p++) {
        // Planes with the same weights have one sum.
        const isFirst = !isStrided || (p < 20 && p % 5 < 4)
        const sums = products + weightPlane(form, p) * productBytes
        outerProducts(plane, planeRows, count, channels, panel, sums, <usize>OUTER * 4, isFirst)
        plane += planeBytes
        panel += dyPlaneBytes
      }
      const vectors = <usize>min(OUTER, filters - filter) * 4
      for (let channel = 0; channel < channels; channel++) {
        const own = products + <usize>(channel * OUTER) * 4
        const to = gradient + <usize>channel * 9 * filterBytes + <usize>filter * 4
        for (let at: usize = 0; at < vectors; at += 16) {
          if (isStrided) gatherTileStrided(own + at, productBytes, to + at, filterBytes, scratch)
          else gatherTile4(own + at, productBytes, to + at, filterBytes, scratch)
        }
      }
    }
  }
}
