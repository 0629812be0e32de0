/** Stores a vector of a pixel's channels: with the residual's, if there is one, and clamped. */
// @ts-ignore: decorator
@inline
export function finishVector(to: usize, residual: usize, sum: v128, low: v128, high: v128): void {
  if (residual) sum = f32x4.add(sum, v128.load(residual))
  // In this order of arguments a NaN stays one.
  v128.store(to, f32x4.pmin(f32x4.pmax(sum, low), high))
}
