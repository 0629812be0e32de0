import type { RawImage } from '../image-input.ts'

/** The tag of the orientation in the first EXIF directory. */
const ORIENTATION = 0x0112

/**
 * Reads the orientation of a photo (EXIF 2.3, section 4.6.4).
 *
 * @param exif the content of the segment; everything before its TIFF header is skipped
 * @returns 1 to 8; 1 (upright) if the orientation is missing or invalid
 */
export function exifOrientation(exif: Uint8Array | undefined): number {
  if (!exif) return 1
  const start = exif
    .subarray(0, 8)
    .findIndex((byte, i) => (byte === 0x49 || byte === 0x4d) && exif[i + 1] === byte)
  if (start < 0) return 1
  const view = new DataView(exif.buffer, exif.byteOffset + start, exif.byteLength - start)
  if (view.byteLength < 8) return 1
  const isLittle = view.getUint16(0) === 0x4949
  const directory = view.getUint32(4, isLittle)
  if (directory + 2 > view.byteLength) return 1
  const count = view.getUint16(directory, isLittle)
  for (let i = 0, at = directory + 2; i < count && at + 12 <= view.byteLength; i++, at += 12) {
    if (view.getUint16(at, isLittle) !== ORIENTATION) continue
    const value = view.getUint16(at + 8, isLittle)
    return value >= 1 && value <= 8 ? value : 1
  }
  return 1
}

/** Rotates and flips RGBA pixels with an EXIF orientation so that they are upright. */
export function turned(image: RawImage, orientation: number): RawImage {
  if (orientation === 1) return image
  const { width, height } = image
  const from = new Uint32Array(image.data.slice().buffer)
  const isSwapped = orientation >= 5
  const [columns, rows] = isSwapped ? [height, width] : [width, height]
  const to = new Uint32Array(columns * rows)
  const mirrorsX = [2, 3, 7, 8].includes(orientation)
  const mirrorsY = [3, 4, 6, 7].includes(orientation)
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const [a, b] = isSwapped ? [y, x] : [x, y]
      to[y * columns + x] = from[(mirrorsY ? height - 1 - b : b) * width + (mirrorsX ? width - 1 - a : a)]
    }
  }
  return { data: new Uint8ClampedArray(to.buffer), width: columns, height: rows, channels: 4 }
}
