// Linear interpolation between the pixels of a map.

/**
 * Resizes maps: each number is a weighted mean of those of four pixels, first along the rows, then between them.
 *
 * @param x, xPictureBytes the maps, and the bytes from one to the next
 * @param rows 12 bytes for each row of the output: u32 byte offsets of the two rows of the input between which it lies, and the
 *   f32 weight of the second, from 0 to 1
 * @param columns the same for each column
 * @param channelBytes of a pixel, a multiple of 16
 * @param out address of the first pixel of the first output
 */
export function resize(
  x: usize,
  xPictureBytes: usize,
  pictures: i32,
  rows: usize,
  height: i32,
  columns: usize,
  width: i32,
  channelBytes: usize,
  out: usize,
  outPictureBytes: usize,
  outRowBytes: usize,
  outPixelBytes: usize,
): void {
  for (let picture = 0; picture < pictures; picture++) {
    for (let i = 0; i < height; i++) {
      const row = rows + <usize>i * 12
      const upper = x + load<u32>(row)
      const lower = x + load<u32>(row, 4)
      const down = v128.load32_splat(row, 8)
      let to = out + <usize>i * outRowBytes
      for (let j = 0; j < width; j++) {
        const column = columns + <usize>j * 12
        const left = <usize>load<u32>(column)
        const right = <usize>load<u32>(column, 4)
        const along = v128.load32_splat(column, 8)
        for (let at: usize = 0; at < channelBytes; at += 16) {
          const first = between(v128.load(upper + left + at), v128.load(upper + right + at), along)
          const second = between(v128.load(lower + left + at), v128.load(lower + right + at), along)
          v128.store(to + at, between(first, second, down))
        }
        to += outPixelBytes
      }
    }
    x += xPictureBytes
    out += outPictureBytes
  }
}

/** (1 - share) * a + share * b */
// @ts-ignore: decorator
@inline
function between(a: v128, b: v128, share: v128): v128 {
  return f32x4.add(a, f32x4.mul(share, f32x4.sub(b, a)))
}
