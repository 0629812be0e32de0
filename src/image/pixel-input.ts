// Images that are pixels already. Loaded with the first of them.

import { invalidArgument, SoftmarginError, shapeMismatch } from '../core/errors.ts'
import { type Drawn, drawnPixels, isDrawn } from '../host/platform/drawn-pixels.ts'
import { type RawImage, wantedImage } from './raw-image.ts'

/**
 * Reads what a page has drawn, or validates pixels.
 *
 * @param name as for `openImage`
 * @throws {SoftmarginError} `IMAGE_UNREADABLE`, `INVALID_ARGUMENT`, `SHAPE_MISMATCH`
 */
export async function readPixels(input: object, name: string): Promise<RawImage> {
  if (isDrawn(input)) return readDrawn(input, name)
  if (!('data' in input && 'width' in input)) throw invalidArgument(name, input, wantedImage)
  return checkPixels(input as ImageData | RawImage, name)
}

async function readDrawn(drawn: Drawn, name: string): Promise<RawImage> {
  try {
    const { data, width, height } = await drawnPixels(drawn)
    return { data: new Uint8ClampedArray(data), width, height, channels: 4 }
  } catch (cause) {
    // For example pixels of another origin, which a page may read only with that origin's permission.
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new SoftmarginError('IMAGE_UNREADABLE', `${name} has no pixels that can be read: ${why}`, {
      argument: name,
      expected: wantedImage,
      cause,
    })
  }
}

/** Converts an ImageData (always RGBA) or RawImage to a RawImage and checks its size. */
function checkPixels(input: ImageData | RawImage, name: string): RawImage {
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
