// Gradients of the weights of convolutions of 3 x 3 by Winograd's convolution. With stride 1 it is
// y = A^T [(G g G^T) * (B^T d B)] A, a linear function of its weights g, so their gradient is
// G^T [(A dy A^T) * (B^T d B)] G summed over the tiles: 36 products for each tile of 4 x 4 instead of 144. With stride 2 the
// form of winograd-strided.ts is transposed in the same way: 81 products instead of 144.
//
// Layouts. `planes`: [planes][tiles of a block][channels]. `dyPlanes`: [planes][panels of OUTER filters][tiles of a
// block][OUTER]. `products`: [planes of weights][WINOGRAD_CHANNELS][OUTER].

import { OUTER, outerProducts } from './outer'
import { WINOGRAD_CHANNELS, WINOGRAD_PLANE_GAP } from '../winograd/winograd'
import { gather4, gatherStrided4, spread4, spreadStrided4 } from './winograd-gradient-passes'
import { inputTiles } from '../winograd/winograd-input'
import { F4, inputSide, STRIDED4, WinogradLayer, weightSide } from '../winograd/winograd-layer'

// @ts-ignore: decorator
@inline
function spread(form: i32, y0: v128, y1: v128, y2: v128, y3: v128, to: usize, step: usize): void {
  if (form == F4) spread4(y0, y1, y2, y3, to, step)
  else spreadStrided4(y0, y1, y2, y3, to, step)
}

/** Four filters of a tile of 4 x 4 gradients, zeros where it has fewer, to planes `step` bytes apart. */
// @ts-ignore: decorator
@inline
function spreadTile(
  form: i32,
  from: usize,
  rowBytes: usize,
  pixelBytes: usize,
  size: i32,
  to: usize,
  step: usize,
  scratch: usize,
): void {
  const zero = f32x4.splat(0)
  const rows = size & 255
  const columns = size >> 8
  for (let column = 0; column < 4; column++) {
    const isInside = column < columns
    const y0 = isInside ? v128.load(from) : zero
    const y1 = isInside && rows > 1 ? v128.load(from + rowBytes) : zero
    const y2 = isInside && rows > 2 ? v128.load(from + 2 * rowBytes) : zero
    const y3 = isInside && rows > 3 ? v128.load(from + 3 * rowBytes) : zero
    spread(form, y0, y1, y2, y3, scratch + <usize>column * 16, 64)
    from += pixelBytes
  }
  const side = inputSide(form)
  for (let row = 0; row < side; row++) {
    const y0 = v128.load(scratch)
    spread(form, y0, v128.load(scratch, 16), v128.load(scratch, 32), v128.load(scratch, 48), to, step)
    scratch += 64
    to += <usize>side * step
  }
}

function spreadTile4(
  from: usize,
  rowBytes: usize,
  pixelBytes: usize,
  size: i32,
  to: usize,
  step: usize,
  scratch: usize,
): void {
  spreadTile(F4, from, rowBytes, pixelBytes, size, to, step, scratch)
}

/** Four filters of a tile of 4 x 4 gradients to the planes of STRIDED4, zeros where `size` has fewer rows or columns. */
export function spreadTileStrided4(
  from: usize,
  rowBytes: usize,
  pixelBytes: usize,
  size: i32,
  to: usize,
  step: usize,
  scratch: usize,
): void {
  spreadTile(STRIDED4, from, rowBytes, pixelBytes, size, to, step, scratch)
}

/** Four filters of 36 sums, `step` bytes apart, added to those of 9 taps. */
// @ts-ignore: decorator
@inline
function gatherTile(form: i32, from: usize, step: usize, to: usize, tapBytes: usize, scratch: usize): void {
  for (let row: usize = 0; row < 6; row++) {
    if (form == F4) gather4(from, step, scratch + 16 * row, 96, false)
    else gatherStrided4(from, step, scratch + 16 * row, 96, false)
    from += 6 * step
  }
  for (let column: usize = 0; column < 3; column++) {
    if (form == F4) gather4(scratch, 16, to, 3 * tapBytes, true)
    else gatherStrided4(scratch, 16, to, 3 * tapBytes, true)
    scratch += 96
    to += tapBytes
  }
}

/**
 * gradient[channel][tap][filter] += sum over the pixels of x[pixel + tap][channel] * dy[pixel][filter], for the 9 taps of
 * a window of 3 x 3.
 *
 * @param layer of the form F4 or STRIDED4. Its output is `dy`; of its other fields only those of the input, `block`,
 *   `filters` and `planeRows` are used
 * @param tiles of all pictures
 * @param planes room for as many times as there are planes block x channels numbers and WINOGRAD_PLANE_GAP bytes
 * @param filterBytes from one tap of the gradient to the next: the filters, rounded up to OUTER
 * @param dyPlanes room for as many times as there are planes block x (filters, rounded up to OUTER) numbers and
 *   WINOGRAD_PLANE_GAP bytes
 * @param products room for 36 times WINOGRAD_CHANNELS x OUTER numbers and WINOGRAD_PLANE_GAP bytes
 * @param scratch WINOGRAD_SCRATCH_BYTES
 */
export function winogradGradient(
  layer: WinogradLayer,
  x: usize,
  tiles: i32,
  dy: usize,
  gradient: usize,
  filterBytes: usize,
  planes: usize,
  dyPlanes: usize,
  products: usize,
  scratch: usize,
): void {
  const isF4 = layer.form == F4
  const side = inputSide(layer.form)
  const own = weightSide(layer.form) - 1
  const block = layer.block
  const filters = layer.filters
  const channels = <i32>layer.pixelBytes >> 2
  const planeBytes = <usize>block * layer.pixelBytes + WINOGRAD_PLANE_GAP
  const dyPlaneBytes = <usize>block * filterBytes + WINOGRAD_PLANE_GAP
  const panelBytes = <usize>(block * OUTER) * 4
  const productBytes = <usize>(WINOGRAD_CHANNELS * OUTER) * 4 + WINOGRAD_PLANE_GAP
  for (let from = 0; from < tiles; from += block) {
    const count = min(block, tiles - from)
    inputTiles(layer, x, from, count, planes, planeBytes, scratch)
    for (let t = 0; t < count; t++) {
      const entry = layer.outTiles + <usize>(from + t) * 8
      const pixel = dy + load<u32>(entry)
      const size = load<i32>(entry, 4)
      for (let filter = 0; filter < filters; filter += 4) {
        const at = pixel + <usize>filter * 4
        const to = dyPlanes + <usize>(filter / OUTER) * panelBytes + <usize>(t * OUTER + (filter % OUTER)) * 4
        if (isF4) spreadTile4(at, layer.outRowBytes, layer.outPixelBytes, size, to, dyPlaneBytes, scratch)
        else spreadTileStrided4(at, layer.outRowBytes, layer.outPixelBytes, size, to, dyPlaneBytes, scratch)
      }
    }
    // The planes and products of some channels stay in the second-level cache while all filters pass.
    for (let first = 0; first < channels; first += WINOGRAD_CHANNELS) {
      const part = min(WINOGRAD_CHANNELS, channels - first)
      for (let filter = 0; filter < filters; filter += OUTER) {
        let panel = dyPlanes + <usize>(filter / OUTER) * panelBytes
        let plane = planes + <usize>first * 4
        for (let row = 0; row < side; row++) {
          for (let column = 0; column < side; column++) {
            // Planes with the same weights have one sum.
            const sums = products + <usize>(min(row, own) * (own + 1) + min(column, own)) * productBytes
            const isFirst = row <= own && column <= own
            outerProducts(plane, layer.planeRows, count, part, panel, sums, <usize>OUTER * 4, isFirst)
            plane += planeBytes
            panel += dyPlaneBytes
          }
        }
        const vectors = <usize>min(OUTER, filters - filter) * 4
        for (let channel = 0; channel < part; channel++) {
          const from = products + <usize>(channel * OUTER) * 4
          const to = gradient + <usize>(first + channel) * 9 * filterBytes + <usize>filter * 4
          for (let at: usize = 0; at < vectors; at += 16) {
            if (isF4) gatherTile(F4, from + at, productBytes, to + at, filterBytes, scratch)
            else gatherTile(STRIDED4, from + at, productBytes, to + at, filterBytes, scratch)
          }
        }
      }
    }
  }
}
