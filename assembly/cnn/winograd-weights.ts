// Winograd's transform of weights, G g G^T, for layers whose transformed weights would fill more than the second-level
// cache: they are read as 9 numbers and transformed a part of a panel at a time, just before they are used.
//
// Layout of the weights: [panels][channels][9 taps][channels of a panel], as `dense` takes those of one channel.

import { transformStrided } from './winograd-strided'

/** Forms of Winograd's convolution: tiles of 4 x 4 and 2 x 2 pixels with stride 1, tiles of 2 x 2 with stride 2. */
export const F4: i32 = 4
export const F2: i32 = 2
export const STRIDED: i32 = 1

/** 9 numbers to 16 planes. */
// @ts-ignore: decorator
@inline
function transform2(from: usize, tapBytes: usize, to: usize, step: usize, scratch: usize): void {
  const half = f32x4.splat(0.5)
  for (let at = scratch, last = scratch + 48; at < last; at += 16) {
    const g0 = v128.load(from)
    const g1 = f32x4.mul(half, v128.load(from + 3 * tapBytes))
    const g2 = v128.load(from + 6 * tapBytes)
    const outer = f32x4.mul(half, f32x4.add(g0, g2))
    v128.store(at, g0)
    v128.store(at, f32x4.add(outer, g1), 48)
    v128.store(at, f32x4.sub(outer, g1), 96)
    v128.store(at, g2, 144)
    from += tapBytes
  }
  for (let at = scratch, last = scratch + 192; at < last; at += 48) {
    const g0 = v128.load(at)
    const g1 = f32x4.mul(half, v128.load(at, 16))
    const g2 = v128.load(at, 32)
    const outer = f32x4.mul(half, f32x4.add(g0, g2))
    v128.store(to, g0)
    v128.store(to + step, f32x4.add(outer, g1))
    v128.store(to + 2 * step, f32x4.sub(outer, g1))
    v128.store(to + 3 * step, g2)
    to += 4 * step
  }
}

/** 9 numbers to 36 planes. */
// @ts-ignore: decorator
@inline
function transform4(from: usize, tapBytes: usize, to: usize, step: usize, scratch: usize): void {
  const quarter = f32x4.splat(0.25)
  const sixth = f32x4.splat(<f32>(1 / 6.0))
  const minusSixth = f32x4.splat(<f32>(-1 / 6.0))
  const twelfth = f32x4.splat(<f32>(1 / 12.0))
  const twentyFourth = f32x4.splat(<f32>(1 / 24.0))
  for (let at = scratch, last = scratch + 48; at < last; at += 16) {
    const g0 = v128.load(from)
    const g1 = v128.load(from + 3 * tapBytes)
    const g2 = v128.load(from + 6 * tapBytes)
    const outer = f32x4.mul(minusSixth, f32x4.add(g0, g2))
    const inner = f32x4.mul(sixth, g1)
    const far = f32x4.add(f32x4.mul(twentyFourth, g0), f32x4.mul(sixth, g2))
    const middle = f32x4.mul(twelfth, g1)
    v128.store(at, f32x4.mul(quarter, g0))
    v128.store(at, f32x4.sub(outer, inner), 48)
    v128.store(at, f32x4.add(outer, inner), 96)
    v128.store(at, f32x4.add(far, middle), 144)
    v128.store(at, f32x4.sub(far, middle), 192)
    v128.store(at, g2, 240)
    from += tapBytes
  }
  for (let at = scratch, last = scratch + 288; at < last; at += 48) {
    const g0 = v128.load(at)
    const g1 = v128.load(at, 16)
    const g2 = v128.load(at, 32)
    const outer = f32x4.mul(minusSixth, f32x4.add(g0, g2))
    const inner = f32x4.mul(sixth, g1)
    const far = f32x4.add(f32x4.mul(twentyFourth, g0), f32x4.mul(sixth, g2))
    const middle = f32x4.mul(twelfth, g1)
    v128.store(to, f32x4.mul(quarter, g0))
    v128.store(to + step, f32x4.sub(outer, inner))
    v128.store(to + 2 * step, f32x4.add(outer, inner))
    v128.store(to + 3 * step, f32x4.add(far, middle))
    v128.store(to + 4 * step, f32x4.sub(far, middle))
    v128.store(to + 5 * step, g2)
    to += 6 * step
  }
}

/** Planes of weights of a form. */
// @ts-ignore: decorator
@inline
export function weightPlanes(form: i32): i32 {
  return form == F4 ? 36 : 16
}

/**
 * Transforms the weights of some channels of a panel into planes of [channels][channels of the panel].
 *
 * @param form F4, F2 or STRIDED
 * @param width channels of the panel
 * @param step bytes from plane to plane
 * @param scratch room for 18 vectors
 */
export function transformWeights(
  form: i32,
  from: usize,
  channels: i32,
  width: i32,
  to: usize,
  step: usize,
  scratch: usize,
): void {
  const tapBytes = <usize>width * 4
  for (let channel = 0; channel < channels; channel++) {
    for (let at: usize = 0; at < tapBytes; at += 16) {
      if (form == F4) transform4(from + at, tapBytes, to + at, step, scratch)
      else if (form == STRIDED) transformStrided(from + at, tapBytes, to + at, step, scratch)
      else transform2(from + at, tapBytes, to + at, step, scratch)
    }
    from += 9 * tapBytes
    to += tapBytes
  }
}
