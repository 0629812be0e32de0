import { lengthOf, type MapShape } from '../lowering/operations.ts'

/** Numbers around a map's pixels, in pixels. */
export interface Border {
  top: number
  left: number
  bottom: number
  right: number
}

/**
 * How the maps of one value lie in memory: for each picture rows of pixels of channels, framed by a border. A pixel's
 * channels fill whole vectors, so that kernels need not look at where they end.
 */
export interface MapLayout {
  shape: MapShape
  border: Border
  /** Bytes from one pixel, row and picture to the next. */
  pixelBytes: number
  rowBytes: number
  pictureBytes: number
}

/** @param isTight whether the channels of pixels follow each other without a gap */
export function layOut(shape: MapShape, border: Border, isTight = false): MapLayout {
  const { channels, height, width } = shape
  const pixelBytes = 4 * (isTight ? channels : roundUp(channels, 4))
  const rowBytes = pixelBytes * (border.left + width + border.right)
  // Pictures begin at whole vectors.
  const pictureBytes = roundUp(rowBytes * (border.top + height + border.bottom), 16)
  return { shape, border, pixelBytes, rowBytes, pictureBytes }
}

/** The byte of a pixel of the first picture; pixels of the border have numbers below 0 or behind the last. */
export function byteOf({ border, rowBytes, pixelBytes }: MapLayout, y: number, x: number): number {
  return (border.top + y) * rowBytes + (border.left + x) * pixelBytes
}

/** A map with its channels last, written into memory that `layout` tells of: for constants. */
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

export function roundUp(number: number, multiple: number): number {
  return Math.ceil(number / multiple) * multiple
}
