// Gradients of the weights of convolutions of 3 x 3 with stride 1 by Winograd's F(4 x 4, 3 x 3). The convolution is
// y = A^T [(G g G^T) * (B^T d B)] A, a linear function of its weights g, so their gradient is
// G^T [(A dy A^T) * (B^T d B)] G summed over the tiles: 36 products for each tile instead of 144.
//
// Layouts. `planes`: [36][tiles of a block][channels]. `dyPlanes`: [36][panels of OUTER filters][tiles of a block][OUTER].
// `products`: [36][channels][OUTER].

import { madd } from '../simd'
import { OUTER, outerProducts } from './outer'
import { inputTile4 } from './winograd4'

const PLANES: i32 = 36

/** The sums of one output transform turned round: 4 numbers to 6, `step` bytes apart. */
// @ts-ignore: decorator
@inline
function spread(y0: v128, y1: v128, y2: v128, y3: v128, to: usize, step: usize): void {
  const even = f32x4.add(y0, y2)
  const odd = f32x4.add(y1, y3)
  const farEven = madd(f32x4.splat(4), y2, y0)
  const farOdd = madd(f32x4.splat(8), y3, f32x4.add(y1, y1))
  v128.store(to, y0)
  v128.store(to + step, f32x4.add(even, odd))
  v128.store(to + 2 * step, f32x4.sub(even, odd))
  v128.store(to + 3 * step, f32x4.add(farEven, farOdd))
  v128.store(to + 4 * step, f32x4.sub(farEven, farOdd))
  v128.store(to + 5 * step, y3)
}

/** Four channels of a tile of 4 x 4 pixels, zeros where it has fewer, to 36 planes: A dy A^T. */
function spreadTile(
  from: usize,
  rowBytes: usize,
  pixelBytes: usize,
  rows: i32,
  columns: i32,
  to: usize,
  step: usize,
  scratch: usize,
): void {
  const zero = f32x4.splat(0)
  for (let column = 0; column < 4; column++) {
    const isInside = column < columns
    const y0 = isInside ? v128.load(from) : zero
    const y1 = isInside && rows > 1 ? v128.load(from + rowBytes) : zero
    const y2 = isInside && rows > 2 ? v128.load(from + 2 * rowBytes) : zero
    const y3 = isInside && rows > 3 ? v128.load(from + 3 * rowBytes) : zero
    spread(y0, y1, y2, y3, scratch + <usize>column * 16, 64)
    from += pixelBytes
  }
  for (let row = 0; row < 6; row++) {
    spread(
      v128.load(scratch),
      v128.load(scratch, 16),
      v128.load(scratch, 32),
      v128.load(scratch, 48),
      to,
      step,
    )
    scratch += 64
    to += 6 * step
  }
}

/** 6 numbers, `step` bytes apart, to 3: G^T. */
// @ts-ignore: decorator
@inline
function gather(from: usize, step: usize, to: usize, toStep: usize, isAdded: bool): void {
  const m0 = v128.load(from)
  const m1 = v128.load(from + step)
  const m2 = v128.load(from + 2 * step)
  const m3 = v128.load(from + 3 * step)
  const m4 = v128.load(from + 4 * step)
  const m5 = v128.load(from + 5 * step)
  const sixth = f32x4.splat(<f32>(1 / 6.0))
  const near = f32x4.mul(f32x4.add(m1, m2), sixth)
  const far = f32x4.add(m3, m4)
  let g0 = f32x4.sub(madd(f32x4.splat(0.25), m0, f32x4.mul(far, f32x4.splat(<f32>(1 / 24.0)))), near)
  let g1 = madd(f32x4.sub(m3, m4), f32x4.splat(<f32>(1 / 12.0)), f32x4.mul(f32x4.sub(m2, m1), sixth))
  let g2 = f32x4.add(f32x4.sub(f32x4.mul(far, sixth), near), m5)
  if (isAdded) {
    g0 = f32x4.add(v128.load(to), g0)
    g1 = f32x4.add(v128.load(to + toStep), g1)
    g2 = f32x4.add(v128.load(to + 2 * toStep), g2)
  }
  v128.store(to, g0)
  v128.store(to + toStep, g1)
  v128.store(to + 2 * toStep, g2)
}

/**
 * gradient[tap][channel][filter] += sum over the pixels of x[pixel + tap][channel] * dy[pixel][filter], for the 9 taps of
 * a window of 3 x 3. The channels of `x` are those of `pixelBytes`.
 *
 * @param xTiles u32: the byte offset of each tile's first number, which is a pixel above and left of its first output
 * @param block tiles whose planes stay in the cache
 * @param planes room for 36 times block x channels numbers and `gap` bytes
 * @param gap bytes between planes, so that they do not share one set of the first-level cache
 * @param planeRows u32: where the rows of a plane begin
 * @param dyTiles pairs of u32: the byte offset of the tile's first pixel, its rows + 256 x its columns
 * @param filters a multiple of 4
 * @param filterBytes from one channel of the gradient to the next: the filters, rounded up to OUTER
 * @param dyPlanes room for 36 times block x (filters, rounded up to OUTER) numbers
 * @param products room for 36 x channels x OUTER numbers
 * @param scratch WINOGRAD_SCRATCH_BYTES
 */
export function winogradGradient(
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
  const planeBytes = <usize>block * pixelBytes + gap
  const dyPlaneBytes = <usize>block * filterBytes
  const panelBytes = <usize>(block * OUTER) * 4
  const productBytes = <usize>(channels * OUTER) * 4
  for (let from = 0; from < tiles; from += block) {
    const count = min(block, tiles - from)
    for (let t = 0; t < count; t++) {
      const corner = x + load<u32>(xTiles + <usize>(from + t) * 4)
      inputTile4(corner, rowBytes, pixelBytes, planes + <usize>t * pixelBytes, planeBytes, scratch)
      const entry = dyTiles + <usize>(from + t) * 8
      const pixel = dy + load<u32>(entry)
      const rows: i32 = load<u32>(entry, 4) & 255
      const columns: i32 = load<u32>(entry, 4) >> 8
      for (let filter = 0; filter < filters; filter += 4) {
        const panel = dyPlanes + <usize>(filter / OUTER) * panelBytes
        const to = panel + <usize>(t * OUTER + (filter % OUTER)) * 4
        spreadTile(
          pixel + <usize>filter * 4,
          dyRowBytes,
          dyPixelBytes,
          rows,
          columns,
          to,
          dyPlaneBytes,
          scratch,
        )
      }
    }
    for (let filter = 0; filter < filters; filter += OUTER) {
      let panel = dyPlanes + <usize>(filter / OUTER) * panelBytes
      let plane = planes
      let sums = products
      for (let p = 0; p < PLANES; p++) {
        outerProducts(plane, planeRows, count, channels, panel, sums, <usize>OUTER * 4, true)
        plane += planeBytes
        panel += dyPlaneBytes
        sums += productBytes
      }
      const vectors = <usize>min(OUTER, filters - filter) * 4
      const tapBytes = <usize>channels * filterBytes
      for (let channel = 0; channel < channels; channel++) {
        const own = products + <usize>(channel * OUTER) * 4
        const to = gradient + <usize>channel * filterBytes + <usize>filter * 4
        for (let at: usize = 0; at < vectors; at += 16) {
          for (let row: usize = 0; row < 6; row++) {
            gather(own + at + 6 * row * productBytes, productBytes, scratch + 16 * row, 96, false)
          }
          for (let column: usize = 0; column < 3; column++) {
            gather(scratch + 96 * column, 16, to + at + column * tapBytes, 3 * tapBytes, true)
          }
        }
      }
    }
  }
}
