// Activations, on vectors of four. exp and tanh are our own, so that every host gives the same bits.

import { exp2of4, tanh4 } from '../kernel'
import { madd } from '../simd'
import { storeLanes } from './layout'

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

// 2^r for r from -1/2 to 1/2 is (r^2 + RISE r + LEVEL) / (r^2 - RISE r + LEVEL), within 4.4e-7 of it.
const RISE: f32 = 8.67783884
const LEVEL: f32 = 25.03910668
/** 1.5 * 2^23 rounds a number that is added to it; 127 makes the low bits of the sum the exponent bits of a power of 2. */
const ROUNDING: f32 = 12583039
const LEAST: f32 = -126
const MOST: f32 = 127

/**
 * 1 / (1 + 2^x), by one division in all. A NaN becomes a number from 0 to 1. The others are the constants of these names, as
 * vectors.
 */
// @ts-ignore: decorator
@inline
function gate4(x: v128, least: v128, most: v128, rounding: v128, rise: v128, level: v128): v128 {
  x = f32x4.pmax(least, f32x4.pmin(most, x))
  const shifted = f32x4.add(x, rounding)
  const r = f32x4.sub(x, f32x4.sub(shifted, rounding))
  const even = madd(r, r, level)
  const odd = f32x4.mul(rise, r)
  const below = f32x4.sub(even, odd)
  // 2^x is above / below. Where `above` becomes infinite, the result is 0.
  const above = f32x4.mul(f32x4.add(even, odd), i32x4.shl(shifted, 23))
  return f32x4.div(below, f32x4.add(below, above))
}

/** 1 / (1 + e^-(a x)) */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128, a: v128): v128 {
  return gate4(
    f32x4.mul(x, f32x4.mul(a, f32x4.splat(-LOG2_E))),
    f32x4.splat(LEAST),
    f32x4.splat(MOST),
    f32x4.splat(ROUNDING),
    f32x4.splat(RISE),
    f32x4.splat(LEVEL),
  )
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
      return keepNaN(x, sigmoid4(x, one))
    case SWISH:
      return f32x4.mul(x, sigmoid4(x, a))
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

/** Activates whole vectors: `channels` is a multiple of 4 here and in what calls it. */
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
  for (let i = 0; i < pixels; i++) {
    let at = out + load<u32>(offsets + <usize>i * 4)
    for (const end = at + <usize>channels * 4; at < end; at += 16)
      v128.store(at, activate4(v128.load(at), kind, a, b))
  }
}

// The most frequent kinds have a function of their own, in which the kind is constant, since a switch for each vector takes
// longer than the arithmetic.

/** A vector of `number`, for `zero` = 0. The compiler does not know that it is constant, so it stays in a register. */
// @ts-ignore: decorator
@inline
function kept(number: f32, zero: i32): v128 {
  return i32x4.splat(reinterpret<i32>(number) ^ zero)
}

/**
 * V8 (Node 24) makes the constants of a loop anew in every pass, with three instructions each: more than all arithmetic
 * here. So this is a loop of its own, with `kept` constants.
 */
function swish(out: usize, offsets: usize, pixels: i32, channels: i32, epilogue: Epilogue): void {
  const zero = epilogue.kind ^ SWISH
  const rate = f32x4.splat(epilogue.a * -LOG2_E)
  const least = kept(LEAST, zero)
  const most = kept(MOST, zero)
  const rounding = kept(ROUNDING, zero)
  const rise = kept(RISE, zero)
  const level = kept(LEVEL, zero)
  for (let i = 0; i < pixels; i++) {
    let at = out + load<u32>(offsets + <usize>i * 4)
    for (const end = at + <usize>channels * 4; at < end; at += 16) {
      const x = v128.load(at)
      v128.store(at, f32x4.mul(x, gate4(f32x4.mul(x, rate), least, most, rounding, rise, level)))
    }
  }
}

function hardSwish(out: usize, offsets: usize, pixels: i32, channels: i32, epilogue: Epilogue): void {
  activateEach(HARD_SWISH, out, offsets, pixels, channels, epilogue)
}

function gelu(out: usize, offsets: usize, pixels: i32, channels: i32, epilogue: Epilogue): void {
  activateEach(GELU, out, offsets, pixels, channels, epilogue)
}

/** Any kind, and any number of channels. */
function anyKind(out: usize, offsets: usize, pixels: i32, channels: i32, epilogue: Epilogue): void {
  const a = f32x4.splat(epilogue.a)
  const b = f32x4.splat(epilogue.b)
  for (let i = 0; i < pixels; i++) {
    let at = out + load<u32>(offsets + <usize>i * 4)
    for (let left = channels; left > 0; left -= 4) {
      storeLanes(at, activate4(v128.load(at), epilogue.kind, a, b), left)
      at += 16
    }
  }
}

/** Activates `channels` numbers of each of `pixels` pixels, in place. */
export function activateRows(
  out: usize,
  offsets: usize,
  pixels: i32,
  channels: i32,
  epilogue: Epilogue,
): void {
  const kind = epilogue.kind
  let whole = channels & ~3
  if (kind == SWISH) swish(out, offsets, pixels, whole, epilogue)
  else if (kind == HARD_SWISH) hardSwish(out, offsets, pixels, whole, epilogue)
  else if (kind == GELU) gelu(out, offsets, pixels, whole, epilogue)
  else whole = 0
  if (whole < channels) anyKind(out + <usize>whole * 4, offsets, pixels, channels - whole, epilogue)
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
