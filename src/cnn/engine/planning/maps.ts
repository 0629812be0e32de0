import { lengthOf, type MapShape } from '../lowering/operations.ts'

/** Width of the padding around a map on each side, in pixels. */
export interface Border {
  top: number
  left: number
  bottom: number
  right: number
}

/**
 * Memory layout of a value's maps: for each image, rows of pixels, each with its channels (NHWC), surrounded
 * by a border. A pixel's channels are padded to whole vectors, so that kernels need no remainder handling.
 */
export interface MapLayout {
  shape: MapShape
  border: Border
  /** Byte strides between pixels, rows and images. */
  pixelBytes: number
  rowBytes: number
  pictureBytes: number
}

/** @param isTight whether pixels are stored without padding after their channels */
export function layOut(shape: MapShape, border: Border, isTight = false): MapLayout {
  const { channels, height, width } = shape
  const pixelBytes = 4 * (isTight ? channels : roundUp(channels, 4))
  const rowBytes = pixelBytes * (border.left + width + border.right)
  // Align images to whole vectors.
  const pictureBytes = roundUp(rowBytes * (border.top + height + border.bottom), 16)
  return { shape, border, pixelBytes, rowBytes, pictureBytes }
}

/**
 * Byte offset of a pixel in the first image. Border pixels have coordinates below 0 or beyond the last pixel.
 */
export function byteOf({ border, rowBytes, pixelBytes }: MapLayout, y: number, x: number): number {
  return (border.top + y) * rowBytes + (border.left + x) * pixelBytes
}

/** Writes a constant map, [height, width, channels], into memory with the given layout. */
export function writeMap(layout: MapLayout, numbers: Float32Array, to: Float32Array): void {
  const { channels, height, width } = layout.shape
  if (numbers.length !== lengthOf(layout.shape)) throw new RangeError('a map of another size')
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * channels
      to.set(numbers.subarray(from, from + channels), byteOf(layout, y, x) / 4)
    }
  }
}

/** Rounds up to the next multiple. */
export function roundUp(number: number, multiple: number): number {
  return Math.ceil(number / multiple) * multiple
}
