/** Maximum image size in pixels: 512 MB as RGBA, of which the decoder holds two copies within its 2 GB. */
const maxPixels = 2 ** 27

/** @throws {Error} for an image without pixels or with more than fit in the decoders' memory */
export function checkArea(width: number, height: number): void {
  if (width < 1 || height < 1) throw new Error(`its header declares ${width} x ${height} pixels`)
  if (width * height > maxPixels) {
    throw new Error(`it is too large: ${width} x ${height} pixels (at most ${maxPixels})`)
  }
}
