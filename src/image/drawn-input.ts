// Images that a page has drawn. Loaded with the first of them.

import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import { drawnPixels, isDrawn } from '../host/platform/drawn-pixels.ts'
import { type RawImage, wantedImage } from './raw-image.ts'

/**
 * Reads the pixels of what a page has drawn.
 *
 * @param name as for `openImage`
 * @throws {SoftmarginError} `IMAGE_UNREADABLE`; `INVALID_ARGUMENT` if it is not a `Drawn`
 */
export async function readDrawn(input: object, name: string): Promise<RawImage> {
  if (!isDrawn(input)) throw invalidArgument(name, input, wantedImage)
  try {
    const { data, width, height } = await drawnPixels(input)
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
