// Max and average pooling.

/** The greatest numbers of a window, or its sum times a factor, of the channels of a vector. */
// @ts-ignore: decorator
@inline
function vector(
  isMax: i32,
  row: usize,
  rows: u32,
  columns: usize,
  rowBytes: usize,
  columnBytes: usize,
  factor: v128,
): v128 {
  let s = isMax ? v128.load(row) : f32x4.splat(0)
  let nan = f32x4.splat(0)
  for (let r: u32 = 0; r < rows; r++) {
    for (let from = row, stop = row + columns; from < stop; from += columnBytes) {
      const v = v128.load(from)
      if (isMax) {
        s = f32x4.pmax(s, v)
        nan = v128.or(nan, f32x4.ne(v, v))
      } else s = f32x4.add(s, v)
    }
    row += rowBytes
  }
  return isMax ? v128.or(s, nan) : f32x4.mul(s, factor)
}

/** `vector` for four vectors, which do not wait for each other, and which are a cache line of each pixel. */
// @ts-ignore: decorator
@inline
function fourVectors(
  isMax: i32,
  row: usize,
  rows: u32,
  columns: usize,
  rowBytes: usize,
  columnBytes: usize,
  factor: v128,
  to: usize,
): void {
  let s0 = isMax ? v128.load(row) : f32x4.splat(0)
  let s1 = isMax ? v128.load(row, 16) : s0
  let s2 = isMax ? v128.load(row, 32) : s0
  let s3 = isMax ? v128.load(row, 48) : s0
  // All bits of a number that is NaN somewhere in the window: `pmax` alone may lose it, and `max` takes longer.
  let nan0 = f32x4.splat(0)
  let nan1 = nan0
  let nan2 = nan0
  let nan3 = nan0
  for (let r: u32 = 0; r < rows; r++) {
    for (let from = row, stop = row + columns; from < stop; from += columnBytes) {
      const v0 = v128.load(from)
      const v1 = v128.load(from, 16)
      const v2 = v128.load(from, 32)
      const v3 = v128.load(from, 48)
      if (isMax) {
        s0 = f32x4.pmax(s0, v0)
        nan0 = v128.or(nan0, f32x4.ne(v0, v0))
        s1 = f32x4.pmax(s1, v1)
        nan1 = v128.or(nan1, f32x4.ne(v1, v1))
        s2 = f32x4.pmax(s2, v2)
        nan2 = v128.or(nan2, f32x4.ne(v2, v2))
        s3 = f32x4.pmax(s3, v3)
        nan3 = v128.or(nan3, f32x4.ne(v3, v3))
      } else {
        s0 = f32x4.add(s0, v0)
        s1 = f32x4.add(s1, v1)
        s2 = f32x4.add(s2, v2)
        s3 = f32x4.add(s3, v3)
      }
    }
    row += rowBytes
  }
  v128.store(to, isMax ? v128.or(s0, nan0) : f32x4.mul(s0, factor))
  v128.store(to, isMax ? v128.or(s1, nan1) : f32x4.mul(s1, factor), 16)
  v128.store(to, isMax ? v128.or(s2, nan2) : f32x4.mul(s2, factor), 32)
  v128.store(to, isMax ? v128.or(s3, nan3) : f32x4.mul(s3, factor), 48)
}

// @ts-ignore: decorator
@inline
function window(
  isMax: i32,
  corner: usize,
  rows: u32,
  columns: usize,
  rowBytes: usize,
  columnBytes: usize,
  factor: v128,
  to: usize,
  end: usize,
): void {
  for (; to + 48 < end; to += 64) {
    fourVectors(isMax, corner, rows, columns, rowBytes, columnBytes, factor, to)
    corner += 64
  }
  for (; to < end; to += 16) {
    v128.store(to, vector(isMax, corner, rows, columns, rowBytes, columnBytes, factor))
    corner += 16
  }
}

/**
 * For each pixel and channel, the maximum of a window, or its sum times a factor.
 *
 * @param windows 16 bytes a pixel: u32 byte offset of the window's first number that exists, its rows, its columns
 *   (u32 each), and the f32 factor
 * @param rowBytes, columnBytes from one row or column of the window to the next
 * @param channels a multiple of 4
 * @param isMax 1 for the maximum, 0 for the sum times the factor
 */
export function pool(
  x: usize,
  windows: usize,
  pixels: i32,
  rowBytes: usize,
  columnBytes: usize,
  channels: i32,
  isMax: i32,
  out: usize,
  outOffsets: usize,
): void {
  const bytes = <usize>channels * 4
  for (let i = 0; i < pixels; i++) {
    const corner = x + load<u32>(windows)
    const rows = load<u32>(windows, 4)
    const columns = <usize>load<u32>(windows, 8) * columnBytes
    const factor = v128.load32_splat(windows, 12)
    const to = out + load<u32>(outOffsets + <usize>i * 4)
    if (isMax) window(1, corner, rows, columns, rowBytes, columnBytes, factor, to, to + bytes)
    else window(0, corner, rows, columns, rowBytes, columnBytes, factor, to, to + bytes)
    windows += 16
  }
}
