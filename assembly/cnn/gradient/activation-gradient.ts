// Gradients of activations and of poolings.

import { tanh4 } from '../../kernel'
import { madd } from '../../simd'
import {
  AFFINE,
  ERF,
  erf4,
  EXP,
  exp4,
  Epilogue,
  GELU,
  GELU_TANH,
  HARD_SIGMOID,
  HARD_SWISH,
  LEAKY_RELU,
  SIGMOID,
  sigmoid4,
  SQRT,
  SWISH,
  TANH,
} from '../activation'

/** The derivative at one vector, times `dy`. What `z` is: see `activationGradient`. */
// @ts-ignore: decorator
@inline
function derived4(z: v128, dy: v128, kind: i32, a: v128, b: v128): v128 {
  const one = f32x4.splat(1)
  const zero = f32x4.splat(0)
  switch (kind) {
    case LEAKY_RELU:
      return v128.bitselect(f32x4.mul(dy, a), dy, f32x4.le(z, zero))
    case AFFINE:
      return f32x4.mul(dy, a)
    case HARD_SIGMOID:
      return v128.and(f32x4.mul(dy, a), v128.and(f32x4.gt(z, zero), f32x4.lt(z, one)))
    case SIGMOID:
      return f32x4.mul(dy, f32x4.mul(z, f32x4.sub(one, z)))
    case TANH:
      return f32x4.mul(dy, f32x4.sub(one, f32x4.mul(z, z)))
    case EXP:
      return f32x4.mul(dy, z)
    case SQRT:
      return f32x4.div(f32x4.mul(dy, f32x4.splat(0.5)), z)
    case SWISH: {
      const x = f32x4.mul(a, z)
      const s = sigmoid4(z, a)
      return f32x4.mul(dy, madd(f32x4.mul(x, s), f32x4.sub(one, s), s))
    }
    case HARD_SWISH: {
      const gate = madd(a, z, b)
      const slope = v128.and(f32x4.mul(a, z), v128.and(f32x4.gt(gate, zero), f32x4.lt(gate, one)))
      return f32x4.mul(dy, f32x4.add(f32x4.pmin(f32x4.pmax(gate, zero), one), slope))
    }
    case GELU: {
      const share = f32x4.mul(
        f32x4.splat(0.5),
        f32x4.add(one, erf4(f32x4.mul(z, f32x4.splat(0.70710678118654752)))),
      )
      const density = f32x4.mul(
        f32x4.splat(0.3989422804014327),
        exp4(f32x4.mul(f32x4.splat(-0.5), f32x4.mul(z, z))),
      )
      return f32x4.mul(dy, madd(z, density, share))
    }
    case GELU_TANH: {
      const scale = f32x4.splat(0.7978845608028654)
      const square = f32x4.mul(z, z)
      const inner = f32x4.mul(f32x4.mul(scale, z), madd(f32x4.splat(0.044715), square, one))
      const slope = f32x4.mul(scale, madd(f32x4.splat(0.134145), square, one))
      const t = tanh4(inner)
      const bend = f32x4.mul(f32x4.mul(z, slope), f32x4.sub(one, f32x4.mul(t, t)))
      return f32x4.mul(f32x4.mul(dy, f32x4.splat(0.5)), f32x4.add(f32x4.add(one, t), bend))
    }
    case ERF:
      return f32x4.mul(f32x4.mul(dy, f32x4.splat(1.1283791670955126)), exp4(f32x4.neg(f32x4.mul(z, z))))
    default:
      return dy
  }
}

/**
 * out[pixel][channel] = dy[pixel][channel] * the derivative of the clamp and of the activation.
 *
 * @param z what the activation read for SWISH, HARD_SWISH, GELU, GELU_TANH and ERF; what it made for all others, and for a clamp. An activation
 *   does not come with a clamp
 * @param channels are rounded up to 4
 * @param epilogueAddress address of an `Epilogue`
 */
export function activationGradient(
  z: usize,
  zOffsets: usize,
  dy: usize,
  dyOffsets: usize,
  pixels: i32,
  channels: i32,
  out: usize,
  outOffsets: usize,
  epilogueAddress: usize,
): void {
  const epilogue = changetype<Epilogue>(epilogueAddress)
  const low = f32x4.splat(epilogue.low)
  const high = f32x4.splat(epilogue.high)
  const a = f32x4.splat(epilogue.a)
  const b = f32x4.splat(epilogue.b)
  const kind = epilogue.kind
  const rowBytes = <usize>channels * 4
  for (let i = 0; i < pixels; i++) {
    const table = <usize>i * 4
    const from = z + load<u32>(zOffsets + table)
    const gradient = dy + load<u32>(dyOffsets + table)
    const to = out + load<u32>(outOffsets + table)
    if (kind == 0) {
      for (let at: usize = 0; at < rowBytes; at += 16) {
        const value = v128.load(from + at)
        const isInside = v128.and(f32x4.gt(value, low), f32x4.lt(value, high))
        v128.store(to + at, v128.and(v128.load(gradient + at), isInside))
      }
    } else {
      for (let at: usize = 0; at < rowBytes; at += 16) {
        v128.store(to + at, derived4(v128.load(from + at), v128.load(gradient + at), kind, a, b))
      }
    }
  }
}

/**
 * Adds the gradient of a pooling to that of the map that it read: for a maximum to the first of the greatest numbers of
 * a window, as PyTorch does, for a mean to all of them.
 *
 * @param windows, rowBytes, columnBytes as `pool` takes them; those of `x` are not read for the mean, nor is `y`
 * @param channels a multiple of 4
 * @param isMax 1 for the greatest number, 0 for the mean
 * @param dxWindows, dxRowBytes, dxColumnBytes the same for `dx`
 */
export function poolGradient(
  x: usize,
  windows: usize,
  rowBytes: usize,
  columnBytes: usize,
  pixels: i32,
  channels: i32,
  isMax: i32,
  y: usize,
  yOffsets: usize,
  dy: usize,
  dyOffsets: usize,
  dx: usize,
  dxWindows: usize,
  dxRowBytes: usize,
  dxColumnBytes: usize,
): void {
  for (let i = 0; i < pixels; i++) {
    const table = <usize>i * 4
    const corner = dx + load<u32>(dxWindows)
    const rows = load<u32>(dxWindows, 4)
    const columns = <usize>load<u32>(dxWindows, 8) * dxColumnBytes
    const factor = v128.load32_splat(dxWindows, 12)
    const gradients = dy + load<u32>(dyOffsets + table)
    const most = isMax ? y + load<u32>(yOffsets + table) : 0
    const seen = isMax ? x + load<u32>(windows + 4 * table) : 0
    dxWindows += 16
    for (let at: usize = 0; at < <usize>channels * 4; at += 16) {
      const gradient = v128.load(gradients + at)
      let row = corner + at
      if (isMax) {
        const value = v128.load(most + at)
        let xRow = seen + at
        // What is left of the gradient: nothing, once a number was the greatest.
        let left = gradient
        for (let r: u32 = 0; r < rows; r++) {
          let from = xRow
          for (let to = row, end = row + columns; to < end; to += dxColumnBytes) {
            const hit = f32x4.eq(v128.load(from), value)
            v128.store(to, f32x4.add(v128.load(to), v128.and(left, hit)))
            left = v128.andnot(left, hit)
            from += columnBytes
          }
          row += dxRowBytes
          xRow += rowBytes
        }
      } else {
        const share = f32x4.mul(gradient, factor)
        for (let r: u32 = 0; r < rows; r++) {
          for (let to = row, end = row + columns; to < end; to += dxColumnBytes) {
            v128.store(to, f32x4.add(v128.load(to), share))
          }
          row += dxRowBytes
        }
      }
    }
  }
}
