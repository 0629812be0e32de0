// Packing of rows into panels and strips (layouts: see gemm.ts), matrix transpose, and gathering of row segments.

import { exchangeFour } from './exchange'
import { TILE_COLS, TILE_ROWS } from './simd'

/** Packs `rows` (at most TILE_COLS) row-major rows at `source` into one panel, padded with zero rows. */
export function packPanel(source: usize, rows: i32, width: i32, panel: usize): void {
  if (rows < TILE_COLS || width % 4 != 0) {
    pack(source, rows, width, panel, TILE_COLS)
    return
  }
  transpose(source, <usize>width * 4, TILE_COLS, width, panel, TILE_COLS * 4)
}

/** Packs `rows` row-major rows at `source` into strips; the last one is padded with zero rows. */
export function packStrips(source: usize, rows: i32, width: i32, strips: usize): void {
  for (let i = 0; i < rows; i += TILE_ROWS) {
    pack(source, min(TILE_ROWS, rows - i), width, strips, TILE_ROWS)
    source += <usize>TILE_ROWS * width * 4
    strips += <usize>TILE_ROWS * width * 4
  }
}

function pack(source: usize, rows: i32, width: i32, out: usize, group: i32): void {
  const rowBytes = <usize>width * 4
  for (let r = 0; r < group; r++) {
    let to = out + <usize>r * 4
    if (r < rows) {
      let from = source + <usize>r * rowBytes
      for (let k = 0; k < width; k++) {
        f32.store(to, f32.load(from))
        from += 4
        to += group * 4
      }
    } else {
      for (let k = 0; k < width; k++) {
        f32.store(to, 0)
        to += group * 4
      }
    }
  }
}

/** Copies the rows `indexes[0..rows)` (i32) of `panels` into strips; the last one is padded with zero rows. */
export function gatherStrips(panels: usize, indexes: usize, rows: i32, width: i32, strips: usize): void {
  const panelBytes = <usize>width * TILE_COLS * 4
  for (let i = 0; i < rows; i += TILE_ROWS) {
    for (let r = 0; r < TILE_ROWS; r++) {
      let to = strips + <usize>r * 4
      const exists = i + r < rows
      const index = exists ? i32.load(indexes + <usize>(i + r) * 4) : 0
      let from = panels + <usize>(index / TILE_COLS) * panelBytes + <usize>(index % TILE_COLS) * 4
      for (let k = 0; k < width; k++) {
        f32.store(to, exists ? f32.load(from) : 0)
        from += TILE_COLS * 4
        to += TILE_ROWS * 4
      }
    }
    strips += <usize>TILE_ROWS * width * 4
  }
}

/** Writes the transpose of a `rows` x `cols` f32 matrix; both are multiples of 4, strides are in bytes. */
export function transpose(
  source: usize,
  sourceStride: usize,
  rows: i32,
  cols: i32,
  out: usize,
  outStride: usize,
): void {
  // 16 columns at a time, so that their output rows stay in L1 while the source is read row by row.
  for (let from = 0; from < cols; from += 16) {
    const to = min(from + 16, cols)
    for (let i = 0; i < rows; i += 4) {
      for (let j = from; j < to; j += 4) {
        const at = source + <usize>i * sourceStride + <usize>j * 4
        const put = out + <usize>j * outStride + <usize>i * 4
        exchangeFour(at, sourceStride, false, f32x4.splat(1), put, outStride)
      }
    }
  }
}

/**
 * Concatenates segments of an f32 row: out = row[from0 .. from0 + length0), row[from1 .. from1 + length1), ...
 *
 * @param stretches i32 pairs (from, length), in elements
 * @param count number of pairs
 */
export function join(row: usize, stretches: usize, count: i32, out: usize): void {
  for (let s = 0; s < count; s++) {
    let from = row + <usize>i32.load(stretches) * 4
    const end = from + <usize>i32.load(stretches, 4) * 4
    stretches += 8
    for (; from + 16 <= end; from += 16) {
      v128.store(out, v128.load(from))
      out += 16
    }
    for (; from < end; from += 4) {
      f32.store(out, f32.load(from))
      out += 4
    }
  }
}
