// The transforms of the gradient of weights for the strided form of winograd-strided.ts: its output transform and its
// weight transform, turned round.

/** 2 numbers to 5, `step` bytes apart: y0 = m0 + m1 + m3 and y1 = m1 - m2 + m4 turned round. */
// @ts-ignore: decorator
@inline
function spread(y0: v128, y1: v128, to: usize, step: usize): void {
  v128.store(to, y0)
  v128.store(to + step, f32x4.add(y0, y1))
  v128.store(to + 2 * step, f32x4.neg(y1))
  v128.store(to + 3 * step, y0)
  v128.store(to + 4 * step, y1)
}

/** Four channels of a tile of 2 x 2 pixels, zeros where it has fewer, to 25 planes. */
export function spreadTileStrided(
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
  for (let column = 0; column < 2; column++) {
    const isInside = column < columns
    const y0 = isInside ? v128.load(from) : zero
    const y1 = isInside && rows > 1 ? v128.load(from + rowBytes) : zero
    spread(y0, y1, scratch + <usize>column * 16, 32)
    from += pixelBytes
  }
  for (let row = 0; row < 5; row++) {
    spread(v128.load(scratch), v128.load(scratch, 16), to, step)
    scratch += 32
    to += 5 * step
  }
}

/** 4 numbers, `step` bytes apart, to 3: the weights were g0, g0 + g2, g2 and g1. */
// @ts-ignore: decorator
@inline
function gather(from: usize, step: usize, to: usize, toStep: usize, isAdded: bool): void {
  const m1 = v128.load(from + step)
  let g0 = f32x4.add(v128.load(from), m1)
  let g1 = v128.load(from + 3 * step)
  let g2 = f32x4.add(m1, v128.load(from + 2 * step))
  if (isAdded) {
    g0 = f32x4.add(v128.load(to), g0)
    g1 = f32x4.add(v128.load(to + toStep), g1)
    g2 = f32x4.add(v128.load(to + 2 * toStep), g2)
  }
  v128.store(to, g0)
  v128.store(to + toStep, g1)
  v128.store(to + 2 * toStep, g2)
}

/** Four filters of 16 planes of products, `step` bytes apart, added to those of 9 taps. */
export function gatherTileStrided(
  from: usize,
  step: usize,
  to: usize,
  tapBytes: usize,
  scratch: usize,
): void {
  for (let row: usize = 0; row < 4; row++) {
    gather(from + 4 * row * step, step, scratch + 16 * row, 64, false)
  }
  for (let column: usize = 0; column < 3; column++) {
    gather(scratch + 64 * column, 16, to + column * tapBytes, 3 * tapBytes, true)
  }
}
