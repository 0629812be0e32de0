// Activations, on vectors of four. exp and tanh are our own, so that every host gives the same bits.

import { exp2of4, tanh4 } from '../kernel'
import { madd } from '../simd'

/** What a kernel does to its sums before it stores them as the next map: clamps them, then activates them. */
@unmanaged
export class Epilogue {
  /** Sums are clamped from `low` to `high`: -Infinity and Infinity leave them as they are, 0 and Infinity are a ReLU. */
  low: f32
  high: f32
  /** One of the kinds below. */
  kind: i32
  /** The two parameters that the kind has. */
  a: f32
  b: f32
}

export const NONE: i32 = 0
/** x above 0, a x below. */
export const LEAKY_RELU: i32 = 1
/** a x + b */
export const AFFINE: i32 = 2
/** a x + b, clamped to 0 and 1 */
export const HARD_SIGMOID: i32 = 3
/** x times the hard sigmoid of x */
export const HARD_SWISH: i32 = 4
export const SIGMOID: i32 = 5
/** x sigmoid(a x) */
export const SWISH: i32 = 6
/** x (1 + erf(x / sqrt 2)) / 2 */
export const GELU: i32 = 7
/** Its approximation by tanh. */
export const GELU_TANH: i32 = 8
export const TANH: i32 = 9
/** x above 0, a (e^x - 1) below. */
export const ELU: i32 = 10
export const SQRT: i32 = 11
export const ERF: i32 = 12
export const EXP: i32 = 13
export const ABS: i32 = 14
export const RECIPROCAL: i32 = 15

const LOG2_E: f32 = 1.44269504088896341

/** `result`, but NaN where x is. */
// @ts-ignore: decorator
@inline
function keepNaN(x: v128, result: v128): v128 {
  return v128.bitselect(result, x, f32x4.eq(x, x))
}

// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  return exp2of4(f32x4.mul(x, f32x4.splat(LOG2_E)))
}

// @ts-ignore: decorator
@inline
function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1)
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))))
}

/** erf after Abramowitz and Stegun 7.1.26: within 3e-7. */
// @ts-ignore: decorator
@inline
export function erf4(x: v128): v128 {
  const one = f32x4.splat(1)
  const size = f32x4.abs(x)
  const t = f32x4.div(one, madd(f32x4.splat(0.3275911), size, one))
  let p = madd(f32x4.splat(1.061405429), t, f32x4.splat(-1.453152027))
  p = madd(p, t, f32x4.splat(1.421413741))
  p = madd(p, t, f32x4.splat(-0.284496736))
  p = madd(p, t, f32x4.splat(0.254829592))
  const complement = f32x4.mul(f32x4.mul(p, t), exp4(f32x4.neg(f32x4.mul(x, x))))
  return v128.or(f32x4.sub(one, complement), v128.and(x, i32x4.splat(0x80000000)))
}

// @ts-ignore: decorator
@inline
function clamp01(x: v128): v128 {
  return f32x4.pmin(f32x4.pmax(x, f32x4.splat(0)), f32x4.splat(1))
}

/** Activates one vector. */
// @ts-ignore: decorator
@inline
function activate4(x: v128, kind: i32, a: v128, b: v128): v128 {
  const zero = f32x4.splat(0)
  const one = f32x4.splat(1)
  const half = f32x4.splat(0.5)
  switch (kind) {
    case LEAKY_RELU:
      return v128.bitselect(f32x4.mul(x, a), x, f32x4.lt(x, zero))
    case AFFINE:
      return f32x4.add(f32x4.mul(x, a), b)
    case HARD_SIGMOID:
      return clamp01(f32x4.add(f32x4.mul(x, a), b))
    case HARD_SWISH:
      return f32x4.mul(x, clamp01(f32x4.add(f32x4.mul(x, a), b)))
    case SIGMOID:
      return keepNaN(x, sigmoid4(x))
    case SWISH:
      // x / (1 + e^(-a x)). A NaN stays one, since x is divided.
      return f32x4.div(x, f32x4.add(one, exp2of4(f32x4.mul(x, f32x4.mul(a, f32x4.splat(-LOG2_E))))))
    case GELU:
      return f32x4.mul(
        f32x4.mul(half, x),
        f32x4.add(one, erf4(f32x4.mul(x, f32x4.splat(0.70710678118654752)))),
      )
    case GELU_TANH: {
      const cube = f32x4.mul(f32x4.mul(x, x), x)
      const inner = f32x4.mul(f32x4.splat(0.7978845608028654), madd(f32x4.splat(0.044715), cube, x))
      return f32x4.mul(f32x4.mul(half, x), f32x4.add(one, tanh4(inner)))
    }
    case TANH:
      return keepNaN(x, tanh4(x))
    case ELU:
      return v128.bitselect(f32x4.mul(a, f32x4.sub(exp4(x), one)), x, f32x4.lt(x, zero))
    case SQRT:
      return f32x4.sqrt(x)
    case ERF:
      return keepNaN(x, erf4(x))
    case EXP:
      return keepNaN(x, exp4(x))
    case ABS:
      return f32x4.abs(x)
    case RECIPROCAL:
      return f32x4.div(one, x)
    default:
      return x
  }
}

// @ts-ignore: decorator
@inline
function activateEach(
  kind: i32,
  out: usize,
  offsets: usize,
  pixels: i32,
  channels: i32,
  epilogue: Epilogue,
): void {
  const a = f32x4.splat(epilogue.a)
  const b = f32x4.splat(epilogue.b)
  const whole = <usize>(channels & ~3) * 4
  const rest = channels & 3
  for (let i = 0; i < pixels; i++) {
    let at = out + load<u32>(offsets + <usize>i * 4)
    for (const end = at + whole; at < end; at += 16) v128.store(at, activate4(v128.load(at), kind, a, b))
    for (let r = 0; r < rest; r++) {
      f32.store(at, f32x4.extract_lane(activate4(v128.load32_splat(at), kind, a, b), 0))
      at += 4
    }
  }
}

// The most frequent kinds have a function of their own, in which the kind is constant, since a switch for each vector takes
// longer than the arithmetic.

function swish(out: usize, offsets: usize, pixels: i32, channels: i32, epilogue: Epilogue): void {
  activateEach(SWISH, out, offsets, pixels, channels, epilogue)
}

function hardSwish(out: usize, offsets: usize, pixels: i32, channels: i32, epilogue: Epilogue): void {
  activateEach(HARD_SWISH, out, offsets, pixels, channels, epilogue)
}

function gelu(out: usize, offsets: usize, pixels: i32, channels: i32, epilogue: Epilogue): void {
  activateEach(GELU, out, offsets, pixels, channels, epilogue)
}

function anyKind(out: usize, offsets: usize, pixels: i32, channels: i32, epilogue: Epilogue): void {
  activateEach(epilogue.kind, out, offsets, pixels, channels, epilogue)
}

/** Activates `channels` numbers of each of `pixels` pixels, in place. */
export function activateRows(
  out: usize,
  offsets: usize,
  pixels: i32,
  channels: i32,
  epilogue: Epilogue,
): void {
  if (epilogue.kind == SWISH) swish(out, offsets, pixels, channels, epilogue)
  else if (epilogue.kind == HARD_SWISH) hardSwish(out, offsets, pixels, channels, epilogue)
  else if (epilogue.kind == GELU) gelu(out, offsets, pixels, channels, epilogue)
  else anyKind(out, offsets, pixels, channels, epilogue)
}

/** Clamps and activates a map into another. @param xOffsets, outOffsets u32 bytes, one a pixel */
export function activate(
  x: usize,
  xOffsets: usize,
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
    let from = x + load<u32>(xOffsets)
    let to = out + load<u32>(outOffsets)
    for (const end = from + <usize>channels * 4; from < end; from += 16) {
      v128.store(to, f32x4.pmin(f32x4.pmax(v128.load(from), low), high))
      to += 16
    }
    // While the pixel is in the cache.
    if (epilogue.kind != NONE) activateRows(out, outOffsets, 1, channels, epilogue)
    xOffsets += 4
    outOffsets += 4
  }
}
