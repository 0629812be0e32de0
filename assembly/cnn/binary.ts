// Element-wise operators of two maps.

import { activateRows, Epilogue, NONE } from './activation'

export const ADD: i32 = 0
export const MULTIPLY: i32 = 1
export const SUBTRACT: i32 = 2
export const DIVIDE: i32 = 3
export const MAXIMUM: i32 = 4
export const MINIMUM: i32 = 5

// @ts-ignore: decorator
@inline
function combine4(a: v128, b: v128, kind: i32): v128 {
  switch (kind) {
    case ADD:
      return f32x4.add(a, b)
    case MULTIPLY:
      return f32x4.mul(a, b)
    case SUBTRACT:
      return f32x4.sub(a, b)
    case DIVIDE:
      return f32x4.div(a, b)
    case MAXIMUM:
      return f32x4.max(a, b)
    default:
      return f32x4.min(a, b)
  }
}

/**
 * out[pixel][channel] = epilogue(a[pixel][channel] (kind) b[pixel][channel]). Where an operand is broadcast over
 * pixels, its table repeats the same pixel.
 *
 * @param aSplat, bSplat 1 where the operand has one number a pixel, which is used for every channel
 * @param epilogueAddress address of an `Epilogue`
 */
export function binary(
  a: usize,
  aOffsets: usize,
  aSplat: i32,
  b: usize,
  bOffsets: usize,
  bSplat: i32,
  kind: i32,
  pixels: i32,
  channels: i32,
  out: usize,
  outOffsets: usize,
  epilogueAddress: usize,
): void {
  const epilogue = changetype<Epilogue>(epilogueAddress)
  const low = f32x4.splat(epilogue.low)
  const high = f32x4.splat(epilogue.high)
  for (let i = 0; i < pixels; i++) {
    const table = <usize>i * 4
    const first = a + load<u32>(aOffsets + table)
    const second = b + load<u32>(bOffsets + table)
    const to = out + load<u32>(outOffsets + table)
    for (let at: usize = 0; at < <usize>channels * 4; at += 16) {
      const left = aSplat ? v128.load32_splat(first) : v128.load(first + at)
      const right = bSplat ? v128.load32_splat(second) : v128.load(second + at)
      v128.store(to + at, f32x4.pmin(f32x4.pmax(combine4(left, right, kind), low), high))
    }
    if (epilogue.kind != NONE) activateRows(out, outOffsets + table, 1, channels, epilogue)
  }
}
