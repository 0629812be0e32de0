import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import type { Drawn } from '../host/platform/drawn-pixels.ts'
import { readSource, safeToShow } from '../host/storage/read-source.ts'
import { checkPixels, type RawImage, wantedImage } from './raw-image.ts'

export type { RawImage } from './raw-image.ts'

/**
 * An image: the bytes of a JPEG, PNG, WebP, AVIF, GIF or BMP file (`Uint8Array`, `ArrayBuffer`, `Blob`), pixels
 * (`ImageData`, `RawImage`), what a page has drawn (a canvas, an `ImageBitmap`, an image or a video element, a
 * `VideoFrame`), or the location of a file (`URL`, or a string with a path or URL).
 */
export type ImageInput = Uint8Array | ArrayBuffer | Blob | ImageData | RawImage | Drawn | URL | string

/** File bytes or pixels of an image, with its name for messages. */
export type OpenedImage =
  | { kind: 'file'; bytes: Uint8Array; name: string }
  | { kind: 'pixels'; image: RawImage; name: string }

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
  if (typeof input === 'string' || input instanceof URL) {
    if (input === '') throw invalidArgument(name, input, wantedImage)
    return {
      kind: 'file',
      bytes: await readSource(input, name, options),
      name: withSource(name, await safeToShow(String(input))),
    }
  }
  if (input instanceof Uint8Array) return { kind: 'file', bytes: input, name }
  if (input === null || typeof input !== 'object') throw invalidArgument(name, input, wantedImage)
  if (isArrayBuffer(input)) return { kind: 'file', bytes: new Uint8Array(input), name }
  if ('arrayBuffer' in input && typeof input.arrayBuffer === 'function') {
    const fileName = 'name' in input && typeof input.name === 'string' ? withSource(name, input.name) : name
    return { kind: 'file', bytes: await readBlob(input, fileName), name: fileName }
  }
  if ('data' in input && 'width' in input) return { kind: 'pixels', image: checkPixels(input, name), name }
  const { readDrawn } = await import('./drawn-input.ts')
  return { kind: 'pixels', image: await readDrawn(input, name), name }
}

/** Recognizes an ArrayBuffer of any realm; `instanceof` fails for those of other realms. */
function isArrayBuffer(input: object): input is ArrayBuffer {
  return Object.prototype.toString.call(input) === '[object ArrayBuffer]'
}

async function readBlob(blob: Blob, name: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer())
  } catch (cause) {
    // The file was changed or removed after the user selected it.
    throw new SoftmarginError('FILE_UNREADABLE', `${name} cannot be read: ${cause}`, {
      argument: name,
      expected: 'a file that can be read',
      cause,
    })
  }
}

/** Combines `images[3]` and `cats/tom.png` to `images[3] ('cats/tom.png')`. */
function withSource(name: string, source: string): string {
  // A data: URL contains the image itself, so it is shortened.
  const short = /^data:/i.test(source) ? `${source.slice(0, 24)}...` : source
  return `${name} ('${short}')`
}
