import { invalidArgument, SoftmarginError, shapeMismatch } from '../core/errors.ts'
import { readSource } from '../host/storage/read-source.ts'
import { withoutSecrets } from '../host/storage/url-secrets.ts'

/** Pixels as they lie in memory: row after row, `channels` bytes a pixel (grey, RGB or RGBA). */
export interface RawImage {
  data: Uint8Array | Uint8ClampedArray
  width: number
  height: number
  channels: 1 | 3 | 4
}

/**
 * A picture: the bytes of a JPEG or PNG file (`Uint8Array`, `ArrayBuffer`, `Blob`), pixels (`ImageData`,
 * `RawImage`), or where to read a file (`URL`, or a string: a path or a URL).
 */
export type ImageInput = Uint8Array | ArrayBuffer | Blob | ImageData | RawImage | URL | string

/** A picture's file, or its pixels, and what to call it in messages. */
export type OpenedImage =
  | { kind: 'file'; bytes: Uint8Array; name: string }
  | { kind: 'pixels'; image: RawImage; name: string }

const wanted =
  'an image: bytes of a JPEG or PNG file (Uint8Array, ArrayBuffer, Blob), an ImageData, a RawImage, a URL or a path'

/**
 * Reads what an input points to and checks pixels that are handed in.
 *
 * @param name how the caller calls the argument, such as `images[3]`; a path or file name is added to it
 * @throws {SoftmarginError} `FILE_UNREADABLE`, `INVALID_ARGUMENT`, `SHAPE_MISMATCH`
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
      name: withSource(name, String(input)),
    }
  }
  if (input instanceof Uint8Array) return { kind: 'file', bytes: input, name }
  if (input === null || typeof input !== 'object') throw invalidArgument(name, input, wanted)
  if (isArrayBuffer(input)) return { kind: 'file', bytes: new Uint8Array(input), name }
  if ('arrayBuffer' in input && typeof input.arrayBuffer === 'function') {
    const fileName = 'name' in input && typeof input.name === 'string' ? withSource(name, input.name) : name
    return { kind: 'file', bytes: await readBlob(input, fileName), name: fileName }
  }
  if ('data' in input && 'width' in input) return { kind: 'pixels', image: checkPixels(input, name), name }
  throw invalidArgument(name, input, wanted)
}

/** An ArrayBuffer of this realm or of another one, where `instanceof` is false. */
function isArrayBuffer(input: object): input is ArrayBuffer {
  return Object.prototype.toString.call(input) === '[object ArrayBuffer]'
}

async function readBlob(blob: Blob, name: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer())
  } catch (cause) {
    // A file that was changed or removed since the user picked it.
    throw new SoftmarginError('FILE_UNREADABLE', `${name} must be a file that can be read: ${cause}`, {
      argument: name,
      expected: 'a file that can be read',
      cause,
    })
  }
}

/** An ImageData (always RGBA) or a RawImage as a RawImage, its sizes checked. */
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

/** `images[3]` and `cats/tom.png` as `images[3] ('cats/tom.png')`. */
function withSource(name: string, source: string): string {
  // A data: URL holds the picture itself.
  const short = /^data:/i.test(source) ? `${source.slice(0, 24)}...` : withoutSecrets(source)
  return `${name} ('${short}')`
}
