// The one place where the strict and the relaxed build differ.

/**
 * Rows of a tile. V8 keeps about 15 vectors in registers. With a fused multiply-add a 6 x 8 tile needs
 * 12 sums + 2 columns + 1 row = 15; without one a product needs a register too, and 5 x 8 needs 14.
 * Both reach 90 % of the native peak; one row more or an unrolled loop spills and loses a quarter.
 */
export const TILE_ROWS: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 5
/** Columns of a tile: two vectors. */
export const TILE_COLS: i32 = 8

/** a * b + c: rounded once in the relaxed build where the host fuses it, twice in the strict build. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}
