// Packs weights, in ONNX's order, into the panels of tile.ts. In WebAssembly, since packing takes a good part of the time to
// start a network.

import { exchangeFour } from '../exchange'
import { panelWidth, WIDE } from './tile'
import { WINOGRAD_PLANE_GAP } from './winograd/winograd'
import { weightSide } from './winograd/winograd-layer'
import { transformWeights } from './winograd/winograd-weights'

/**
 * The weights of a convolution in panels: [panels][taps][channels][channels of a panel], zeros in what is left of the last
 * panel.
 *
 * @param from [filters][channels][taps]
 * @param scales a factor for each filter, or 0
 */
export function packPanels(
  from: usize,
  filters: i32,
  channels: i32,
  taps: i32,
  scales: usize,
  to: usize,
): void {
  const tapBytes = <usize>channels * 4
  // Of one tap, four filters are packed side by side.
  const fours = taps == 1 ? filters & ~3 : 0
  for (let filter = 0; filter < fours; filter += 4) {
    const first = filter % WIDE
    const width = <usize>panelWidth(filters - filter + first) * 4
    const start = to + <usize>(filter - first) * tapBytes + <usize>first * 4
    packFour(from, channels, scales ? scales + <usize>filter * 4 : 0, start, width)
    from += 4 * tapBytes
  }
  for (let filter = fours; filter < filters; filter++) {
    const first = filter % WIDE
    const width = <usize>panelWidth(filters - filter + first) * 4
    const start = to + <usize>(filter - first) * <usize>(channels * taps) * 4 + <usize>first * 4
    const factor: f32 = scales ? f32.load(scales + <usize>filter * 4) : 1
    for (let c: usize = 0; c < tapBytes; c += 4) {
      let at = start + (c >> 2) * width
      for (let tap = 0; tap < taps; tap++) {
        f32.store(at, f32.load(from) * factor)
        from += 4
        at += (tapBytes >> 2) * width
      }
    }
  }
}

/**
 * Multiplies the weights of each number of a window by a factor.
 *
 * @param panels what `packPanels` made of `filters` filters, whose windows hold `depth` numbers
 * @param factors one for each of these numbers
 * @param to room for as many panels
 */
export function scalePanels(panels: usize, depth: i32, filters: i32, factors: usize, to: usize): void {
  const last = factors + <usize>depth * 4
  for (let filter = 0; filter < filters; filter += WIDE) {
    const bytes = <usize>panelWidth(filters - filter) * 4
    for (let at = factors; at < last; at += 4) {
      for (const end = to + bytes; to < end; to += 16) {
        v128.store(to, f32x4.mul(v128.load(panels), v128.load32_splat(at)))
        panels += 16
      }
    }
  }
}

/**
 * The weights of four filters with one tap.
 *
 * @param from [4][channels]
 * @param scales a factor for each filter, or 0
 * @param width bytes from one channel to the next in `to`
 */
function packFour(from: usize, channels: i32, scales: usize, to: usize, width: usize): void {
  const row = <usize>channels * 4
  const factors = scales ? v128.load(scales) : f32x4.splat(1)
  let c = 0
  for (; c + 4 <= channels; c += 4) {
    exchangeFour(from, row, true, factors, to, width)
    from += 16
    to += 4 * width
  }
  for (; c < channels; c++) {
    for (let i: usize = 0; i < 4; i++) {
      const factor: f32 = scales ? f32.load(scales + 4 * i) : 1
      f32.store(to + 4 * i, f32.load(from + i * row) * factor)
    }
    from += 4
    to += width
  }
}

/**
 * The weights of a 3 x 3 convolution in panels for `winograd` to transform: [panels][channels][9][channels of a panel].
 * Arguments as for `packPanels`.
 */
export function packUntransformed(from: usize, filters: i32, channels: i32, scales: usize, to: usize): void {
  packPanels(from, filters, channels * 9, 1, scales, to)
}

/**
 * The weights of a 3 x 3 convolution, transformed: [panels][planes][channels][channels of a panel].
 *
 * @param form F4, F2, STRIDED4 or STRIDED2, as in winograd-layer.ts
 * @param from [filters][channels][9]
 * @param scales a factor for each filter, or 0
 * @param panels room for the weights in panels
 */
export function packWinograd(
  form: i32,
  from: usize,
  filters: i32,
  channels: i32,
  scales: usize,
  panels: usize,
  to: usize,
): void {
  let bytes: usize = 0
  for (let filter = 0; filter < filters; filter += WIDE) {
    bytes += <usize>(channels * panelWidth(filters - filter)) * 36
  }
  memory.fill(panels, 0, bytes)
  packUntransformed(from, filters, channels, scales, panels)
  const planes = weightSide(form) * weightSide(form)
  for (let filter = 0; filter < filters; filter += WIDE) {
    const width = panelWidth(filters - filter)
    const bytes = <usize>(channels * width) * 4
    const step = bytes + WINOGRAD_PLANE_GAP
    transformWeights(form, panels, channels, width, to, step)
    panels += 9 * bytes
    to += <usize>planes * step
  }
}

/** Little-endian float16 numbers as float32. */
export function unpackHalves(from: usize, count: i32, to: usize): void {
  for (const end = from + <usize>count * 2; from < end; from += 2) {
    const half: u32 = load<u16>(from)
    const sign = (half & 0x8000) << 16
    const rest = half & 0x7fff
    if (rest >= 0x7c00) store<u32>(to, sign | 0x7f800000 | ((rest & 0x3ff) << 13))
    else if (rest >= 0x400) store<u32>(to, sign | ((rest << 13) + 0x38000000))
    // Too small for a normal float16: a multiple of 2^-24.
    else f32.store(to, reinterpret<f32>(reinterpret<u32>(<f32>rest * 5.9604644775390625e-8) | sign))
    to += 4
  }
}
