/** The largest picture that is decoded: 512 MB as RGBA, which the decoder holds twice within its 2 GB. */
const maxPixels = 2 ** 27

/** @throws {Error} for a picture without pixels or with more than the decoders' memory can hold */
export function checkArea(width: number, height: number): void {
  if (width < 1 || height < 1) throw new Error(`its header says that it is ${width} x ${height} pixels`)
  if (width * height > maxPixels) {
    throw new Error(`it is too large: ${width} x ${height} pixels, at most ${maxPixels} are taken`)
  }
}
