import { invalidArgument, SoftmarginError, shapeMismatch } from '../core/errors.ts'
import { type Drawn, drawnPixels, isDrawn } from '../host/platform/drawn-pixels.ts'
import { readSource, safeToShow } from '../host/storage/read-source.ts'

/** Raw pixels in row-major order, `channels` bytes per pixel (grey, RGB or RGBA). */
export interface RawImage {
  data: Uint8Array | Uint8ClampedArray
  width: number
  height: number
  channels: 1 | 3 | 4
}

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

const wanted =
  'an image: bytes of a picture file (Uint8Array, ArrayBuffer, Blob), an ImageData, a RawImage, a canvas, an ImageBitmap, an image or video element, a VideoFrame, a URL or a path'

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
    if (input === '') throw invalidArgument(name, input, wanted)
    return {
      kind: 'file',
      bytes: await readSource(input, name, options),
      name: withSource(name, await safeToShow(String(input))),
    }
  }
  if (input instanceof Uint8Array) return { kind: 'file', bytes: input, name }
  if (input === null || typeof input !== 'object') throw invalidArgument(name, input, wanted)
  if (isArrayBuffer(input)) return { kind: 'file', bytes: new Uint8Array(input), name }
  if ('arrayBuffer' in input && typeof input.arrayBuffer === 'function') {
    const fileName = 'name' in input && typeof input.name === 'string' ? withSource(name, input.name) : name
    return { kind: 'file', bytes: await readBlob(input, fileName), name: fileName }
  }
  if (isDrawn(input)) return { kind: 'pixels', image: await readDrawn(input, name), name }
  if ('data' in input && 'width' in input) return { kind: 'pixels', image: checkPixels(input, name), name }
  throw invalidArgument(name, input, wanted)
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

async function readDrawn(drawn: Drawn, name: string): Promise<RawImage> {
  try {
    const { data, width, height } = await drawnPixels(drawn)
    return { data: new Uint8ClampedArray(data), width, height, channels: 4 }
  } catch (cause) {
    // For example pixels of another origin, which a page may read only with that origin's permission.
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new SoftmarginError('IMAGE_UNREADABLE', `${name} has no pixels that can be read: ${why}`, {
      argument: name,
      expected: wanted,
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

/** Combines `images[3]` and `cats/tom.png` to `images[3] ('cats/tom.png')`. */
function withSource(name: string, source: string): string {
  // A data: URL contains the image itself, so it is shortened.
  const short = /^data:/i.test(source) ? `${source.slice(0, 24)}...` : source
  return `${name} ('${short}')`
}
