import type { Drawn } from '../host/platform/drawn-pixels.ts'
import { checkPixels, type OpenedImage, type RawImage } from './raw-image.ts'

export type { OpenedImage, RawImage } from './raw-image.ts'

/**
 * An image: the bytes of a JPEG, PNG, WebP, AVIF, GIF or BMP file (`Uint8Array`, `ArrayBuffer`, `Blob`), pixels
 * (`ImageData`, `RawImage`), what a page has drawn (a canvas, an `ImageBitmap`, an image or a video element, a
 * `VideoFrame`), or the location of a file (`URL`, or a string with a path or URL).
 */
export type ImageInput = Uint8Array | ArrayBuffer | Blob | ImageData | RawImage | Drawn | URL | string

/**
 * Reads the file that an input refers to, or validates pixels.
 *
 * @param name name of the caller's argument, such as `images[3]`; a path or file name is appended to it
 * @throws {SoftmarginError} `FILE_UNREADABLE`, `IMAGE_UNREADABLE`, `INVALID_ARGUMENT`, `SHAPE_MISMATCH`
 */
export async function openImage(
  input: ImageInput,
  name: string,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<OpenedImage> {
  if (input instanceof Uint8Array) return { kind: 'file', bytes: input, name }
  if (typeof input === 'object' && input !== null && 'data' in input && 'width' in input) {
    return { kind: 'pixels', image: checkPixels(input, name), name }
  }
  const { openOther } = await import('./other-inputs.ts')
  return openOther(input, name, options)
}
