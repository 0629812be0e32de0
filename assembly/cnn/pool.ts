// Max and average pooling.

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
  for (let i = 0; i < pixels; i++) {
    const corner = x + load<u32>(windows)
    const rows = load<u32>(windows, 4)
    const columns = <usize>load<u32>(windows, 8) * columnBytes
    const factor = v128.load32_splat(windows, 12)
    const to = out + load<u32>(outOffsets + <usize>i * 4)
    windows += 16
    for (let at: usize = 0; at < <usize>channels * 4; at += 16) {
      let row = corner + at
      if (isMax) {
        let most = v128.load(row)
        // All bits of numbers that are NaN somewhere in the window: `pmax` alone may lose one, and `max` takes longer.
        let nan = f32x4.splat(0)
        for (let r: u32 = 0; r < rows; r++) {
          for (let from = row, end = row + columns; from < end; from += columnBytes) {
            const value = v128.load(from)
            most = f32x4.pmax(most, value)
            nan = v128.or(nan, f32x4.ne(value, value))
          }
          row += rowBytes
        }
        v128.store(to + at, v128.or(most, nan))
      } else {
        let sum = f32x4.splat(0)
        for (let r: u32 = 0; r < rows; r++) {
          for (let from = row, end = row + columns; from < end; from += columnBytes) {
            sum = f32x4.add(sum, v128.load(from))
          }
          row += rowBytes
        }
        v128.store(to + at, f32x4.mul(sum, factor))
      }
    }
  }
}
