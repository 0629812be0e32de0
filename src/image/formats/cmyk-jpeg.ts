import type { RawImage } from '../image-input.ts'
import { exifOrientation, turned } from './orientation.ts'

/**
 * Decodes a JPEG file with four components (CMYK or YCCK, as Photoshop writes them), which the main JPEG decoder does
 * not support. Colours are converted as in programs without colour management: red is (255 - C) * (255 - K) / 255.
 *
 * @returns opaque RGBA
 * @throws {Error} with a message that says what is wrong with the file
 */
export async function decodeCmykJpeg(bytes: Uint8Array): Promise<RawImage> {
  const { default: jpeg } = await import('jpeg-js')
  // The size has been checked already.
  const limits = { maxResolutionInMP: 200, maxMemoryUsageInMB: 4096 }
  const { data, width, height, exifBuffer } = jpeg.decode(bytes, {
    useTArray: true,
    tolerantDecoding: false,
    ...limits,
  }) as { data: Uint8Array; width: number; height: number; exifBuffer?: Uint8Array }
  return turned({ data, width, height, channels: 4 }, exifOrientation(exifBuffer))
}
