// Sums of outer products of rows, which the gradients of weights are: for each row, the numbers of one map times those
// of another, for a few channels of both.

import { madd } from '../../simd'

/** Columns of the sums, and numbers of a packed row: as many vectors as V8 keeps in registers for two channels. */
export const OUTER: i32 = 16
const ROW_BYTES: usize = 64

/**
 * sums[channel][column] += sum over the rows of x[row][channel] * packed[row][column], for OUTER columns.
 *
 * Rows are added one after the other, so that the sums have the same bits on every host.
 *
 * @param xOffsets u32: byte offset of each row of `x`
 * @param packed [rows][OUTER], as `packRows` writes them
 * @param sumBytes from the sums of one channel to those of the next
 * @param isFirst whether the sums start from zero instead of what they hold
 */
export function outerProducts(
  x: usize,
  xOffsets: usize,
  rows: i32,
  channels: i32,
  packed: usize,
  sums: usize,
  sumBytes: usize,
  isFirst: bool,
): void {
  const end = xOffsets + <usize>rows * 4
  const zero = f32x4.splat(0)
  for (let channel = 0; channel < channels; channel += 2) {
    const next = sums + sumBytes
    // Without a second channel, its sums are computed from whatever is there, and dropped.
    const isPair = channel + 1 < channels
    let s00 = zero
    let s01 = zero
    let s02 = zero
    let s03 = zero
    let s10 = zero
    let s11 = zero
    let s12 = zero
    let s13 = zero
    if (!isFirst) {
      s00 = v128.load(sums)
      s01 = v128.load(sums, 16)
      s02 = v128.load(sums, 32)
      s03 = v128.load(sums, 48)
      if (isPair) {
        s10 = v128.load(next)
        s11 = v128.load(next, 16)
        s12 = v128.load(next, 32)
        s13 = v128.load(next, 48)
      }
    }
    let row = packed
    for (let offset = xOffsets; offset < end; offset += 4) {
      const at = x + load<u32>(offset)
      const y0 = v128.load(row)
      const y1 = v128.load(row, 16)
      const y2 = v128.load(row, 32)
      const y3 = v128.load(row, 48)
      let v = v128.load32_splat(at)
      s00 = madd(v, y0, s00)
      s01 = madd(v, y1, s01)
      s02 = madd(v, y2, s02)
      s03 = madd(v, y3, s03)
      v = v128.load32_splat(at, 4)
      s10 = madd(v, y0, s10)
      s11 = madd(v, y1, s11)
      s12 = madd(v, y2, s12)
      s13 = madd(v, y3, s13)
      row += ROW_BYTES
    }
    v128.store(sums, s00)
    v128.store(sums, s01, 16)
    v128.store(sums, s02, 32)
    v128.store(sums, s03, 48)
    if (isPair) {
      v128.store(next, s10)
      v128.store(next, s11, 16)
      v128.store(next, s12, 32)
      v128.store(next, s13, 48)
    }
    x += 8
    sums = next + sumBytes
  }
}

/** Copies up to OUTER channels of some pixels side by side, zeros in what is left of a row. */
export function packRows(y: usize, offsets: usize, rows: i32, channels: i32, to: usize): void {
  const zero = f32x4.splat(0)
  for (const end = offsets + <usize>rows * 4; offsets < end; offsets += 4) {
    const from = y + load<u32>(offsets)
    v128.store(to, v128.load(from))
    v128.store(to, channels > 4 ? v128.load(from, 16) : zero, 16)
    v128.store(to, channels > 8 ? v128.load(from, 32) : zero, 32)
    v128.store(to, channels > 12 ? v128.load(from, 48) : zero, 48)
    to += ROW_BYTES
  }
}
