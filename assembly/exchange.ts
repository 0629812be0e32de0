// @ts-ignore: decorator
@inline
function scaled(x: v128, isScaled: bool, factors: v128): v128 {
  return isScaled ? f32x4.mul(x, factors) : x
}

/**
 * Exchanges rows and columns of 4 x 4 numbers.
 *
 * @param step, toStep bytes from row to row
 * @param isScaled whether the numbers are multiplied by `factors`, one for each column that is written
 */
// @ts-ignore: decorator
@inline
export function exchangeFour(
  from: usize,
  step: usize,
  isScaled: bool,
  factors: v128,
  to: usize,
  toStep: usize,
): void {
  const row0 = v128.load(from)
  const row1 = v128.load(from + step)
  const row2 = v128.load(from + 2 * step)
  const row3 = v128.load(from + 3 * step)
  const low01 = v128.shuffle<f32>(row0, row1, 0, 4, 1, 5)
  const high01 = v128.shuffle<f32>(row0, row1, 2, 6, 3, 7)
  const low23 = v128.shuffle<f32>(row2, row3, 0, 4, 1, 5)
  const high23 = v128.shuffle<f32>(row2, row3, 2, 6, 3, 7)
  v128.store(to, scaled(v128.shuffle<f32>(low01, low23, 0, 1, 4, 5), isScaled, factors))
  v128.store(to + toStep, scaled(v128.shuffle<f32>(low01, low23, 2, 3, 6, 7), isScaled, factors))
  v128.store(to + 2 * toStep, scaled(v128.shuffle<f32>(high01, high23, 0, 1, 4, 5), isScaled, factors))
  v128.store(to + 3 * toStep, scaled(v128.shuffle<f32>(high01, high23, 2, 3, 6, 7), isScaled, factors))
}
