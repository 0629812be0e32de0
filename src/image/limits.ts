/** Maximum image size in pixels: 512 MB as RGBA, of which the decoder holds two copies within its 2 GB. */
const MAX_PIXELS = 2 ** 27

/** @throws {Error} for an image without pixels or with more than fit in the decoders' memory */
export function checkArea(width: number, height: number): void {
  if (width < 1 || height < 1) throw new Error(`its header declares ${width} x ${height} pixels`)
  if (width * height > MAX_PIXELS) {
    throw new Error(`it is too large: ${width} x ${height} pixels (at most ${MAX_PIXELS})`)
  }
}

/**
 * Checks that an image covers a reasonable part of its canvas, because a file of a few bytes can declare any size.
 *
 * @throws {Error} for a large canvas of which the image covers less than a hundredth
 */
export function checkCanvas(width: number, height: number, imageWidth: number, imageHeight: number): void {
  checkArea(width, height)
  if (width * height > 2 ** 20 && width * height > 100 * imageWidth * imageHeight) {
    throw new Error(
      `its ${width} x ${height} pixels are empty but for an image of ${imageWidth} x ${imageHeight}`,
    )
  }
}
