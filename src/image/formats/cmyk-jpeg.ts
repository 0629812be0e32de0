import type { RawImage } from '../image-input.ts'
import { exifOrientation, turned } from './orientation.ts'

/**
 * Decodes a JPEG file of four colours (CMYK or YCCK, as Photoshop writes them), which the usual decoder does not take.
 * Colours are converted without a profile, as other programs do that have none: red is (255 - C) * (255 - K) / 255.
 *
 * @returns opaque RGBA
 * @throws {Error} with a message that says what is wrong with the file
 */
export async function decodeCmykJpeg(bytes: Uint8Array): Promise<RawImage> {
  const { default: jpeg } = await import('jpeg-js')
  // The size was checked before.
  const limits = { maxResolutionInMP: 200, maxMemoryUsageInMB: 4096 }
  const { data, width, height, exifBuffer } = jpeg.decode(bytes, {
    useTArray: true,
    tolerantDecoding: false,
    ...limits,
  }) as { data: Uint8Array; width: number; height: number; exifBuffer?: Uint8Array }
  return turned({ data, width, height, channels: 4 }, exifOrientation(exifBuffer))
}
