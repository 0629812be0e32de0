// Column statistics of a row-major float32 matrix, and the conditioning of rows before kernels are computed from them:
// they are scaled by a power of two, then centred.

/** Statistics of all values together, accumulated over several calls. */
export class Totals {
  /**
   * Subtracted from every value before it is squared. The caller sets it to one of the values, so that the variance of
   * one pass loses little precision.
   */
  shift: f64
  /** Sum of squares about `shift`. */
  squares: f64
  /** Largest absolute value. */
  largest: f64
  /** 1 if any value is not finite. */
  notFinite: i32
}

/**
 * Adds the column sums of `rows` rows to `sums` (one f64 per column) and updates `totals`, the address of a `Totals`.
 * Column sums accumulate in float64 and in row order, so they are identical on every host.
 *
 * @param source f32: rows x width, row-major
 */
export function columnStats(source: usize, rows: i32, width: i32, sums: usize, totals: usize): void {
  const all = changetype<Totals>(totals)
  const shift = all.shift
  const whole = width - (width & 3)
  const shift2 = f64x2.splat(shift)
  let squares0 = f64x2.splat(0)
  let squares1 = f64x2.splat(0)
  let largest = f32x4.splat(0)
  let notFinite = i32x4.splat(0)
  let squares: f64 = 0
  let largestRest: f32 = 0
  let notFiniteRest = false
  for (let i = 0; i < rows; i++) {
    let sum = sums
    for (let k = 0; k < whole; k += 4) {
      const x = v128.load(source)
      const x01 = f64x2.promote_low_f32x4(x)
      const x23 = f64x2.promote_low_f32x4(v128.shuffle<f64>(x, x, 1, 1))
      v128.store(sum, f64x2.add(v128.load(sum), x01))
      v128.store(sum, f64x2.add(v128.load(sum, 16), x23), 16)
      const d01 = f64x2.sub(x01, shift2)
      const d23 = f64x2.sub(x23, shift2)
      squares0 = f64x2.add(squares0, f64x2.mul(d01, d01))
      squares1 = f64x2.add(squares1, f64x2.mul(d23, d23))
      largest = f32x4.max(largest, f32x4.abs(x))
      // x - x is NaN for NaN and for infinity.
      const nothing = f32x4.sub(x, x)
      notFinite = v128.or(notFinite, f32x4.ne(nothing, nothing))
      source += 16
      sum += 32
    }
    for (let k = whole; k < width; k++) {
      const x = f32.load(source)
      f64.store(sum, f64.load(sum) + <f64>x)
      const d = <f64>x - shift
      squares += d * d
      largestRest = max(largestRest, abs(x))
      if (x - x != 0) notFiniteRest = true
      source += 4
      sum += 8
    }
  }
  squares0 = f64x2.add(squares0, squares1)
  squares += f64x2.extract_lane(squares0, 0) + f64x2.extract_lane(squares0, 1)
  largest = f32x4.max(largest, v128.shuffle<f64>(largest, largest, 1, 0))
  largestRest = max(largestRest, max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1)))
  all.squares += squares
  all.largest = max(all.largest, <f64>largestRest)
  if (notFiniteRest || v128.any_true(notFinite)) all.notFinite = 1
}

/**
 * Multiplies `rows` rows by `scale`, then subtracts `centre` from each, in place. Scaling first keeps the difference
 * of two values at opposite ends of the float32 range from overflowing.
 *
 * @param centre address of one f32 per column, already scaled; 0 for no centring
 */
export function condition(source: usize, rows: i32, width: i32, centre: usize, scale: f32): void {
  const whole = width - (width & 3)
  const scale4 = f32x4.splat(scale)
  for (let i = 0; i < rows; i++) {
    let from = centre
    for (let k = 0; k < whole; k += 4) {
      let x = v128.load(source)
      x = f32x4.mul(x, scale4)
      if (centre != 0) x = f32x4.sub(x, v128.load(from))
      v128.store(source, x)
      source += 16
      from += 16
    }
    for (let k = whole; k < width; k++) {
      let x = f32.load(source) * scale
      if (centre != 0) x -= f32.load(from)
      f32.store(source, x)
      source += 4
      from += 4
    }
  }
}
