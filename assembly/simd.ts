// Tile size and multiply-add: the only code in which the strict and the relaxed SIMD build differ.

/**
 * Rows of a tile. V8 keeps about 15 vectors in registers. With a fused multiply-add, a 6 x 8 tile needs
 * 12 accumulators + 2 columns + 1 row = 15. Without one, the product needs a register too. Then 5 x 8 needs 14, which newer
 * versions of V8 keep; but that of Node 20 is half as fast with them as with 4 x 8 (14 against 27 billion multiply-adds a second
 * on an AMD Zen 5), and newer ones are as fast with either.
 */
export const TILE_ROWS: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 4
/** Columns of a tile: two 4-lane vectors. */
export const TILE_COLS: i32 = 8

/** a * b + c, rounded once in the relaxed build if the host fuses it, twice in the strict build. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}
