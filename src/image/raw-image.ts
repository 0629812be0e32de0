import { invalidArgument, shapeMismatch } from '../core/errors.ts'

/** Raw pixels in row-major order, `channels` bytes per pixel (grey, RGB or RGBA). */
export interface RawImage {
  data: Uint8Array | Uint8ClampedArray
  width: number
  height: number
  channels: 1 | 3 | 4
}

/** File bytes or pixels of an image, with its name for messages. */
export type OpenedImage =
  | { kind: 'file'; bytes: Uint8Array; name: string }
  | { kind: 'pixels'; image: RawImage; name: string }

/** Description of an input for error messages. */
export const wantedImage =
  'an image: bytes of a picture file (Uint8Array, ArrayBuffer, Blob), an ImageData, a RawImage, a canvas, an ImageBitmap, an image or video element, a VideoFrame, a URL or a path'

/**
 * Converts an ImageData (always RGBA) or RawImage to a RawImage and checks its size.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`, `SHAPE_MISMATCH`
 */
export function checkPixels(input: ImageData | RawImage, name: string): RawImage {
  const { data, width, height } = input
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw invalidArgument(`${name}.data`, data, 'a Uint8Array or Uint8ClampedArray')
  }
  for (const side of ['width', 'height'] as const) {
    if (!Number.isSafeInteger(input[side]) || input[side] < 1) {
      throw invalidArgument(`${name}.${side}`, input[side], 'an integer of 1 or more')
    }
  }
  const isImageData = Object.prototype.toString.call(input) === '[object ImageData]' || !('channels' in input)
  const channels = isImageData ? 4 : (input as RawImage).channels
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw invalidArgument(`${name}.channels`, channels, '1 (grey), 3 (RGB) or 4 (RGBA)')
  }
  const length = width * height * channels
  if (data.length !== length) {
    throw shapeMismatch(
      `${name}.data`,
      data.length,
      `width * height * channels = ${width} * ${height} * ${channels} = ${length} bytes`,
    )
  }
  return { data, width, height, channels }
}
