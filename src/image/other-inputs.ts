// Images that are neither bytes nor pixels: files, their locations, and what a page has drawn. Loaded with the first of them.

import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import { type Drawn, drawnPixels, isDrawn } from '../host/platform/drawn-pixels.ts'
import { readSource, safeToShow } from '../host/storage/read-source.ts'
import { type OpenedImage, type RawImage, wantedImage } from './raw-image.ts'

/**
 * Reads the file that an input refers to, or the pixels of what a page has drawn.
 *
 * @param name as for `openImage`
 * @throws {SoftmarginError} as `openImage`
 */
export async function openOther(
  input: ArrayBuffer | Blob | Drawn | URL | string,
  name: string,
  options: { signal?: AbortSignal | undefined },
): Promise<OpenedImage> {
  if (typeof input === 'string' || input instanceof URL) {
    if (input === '') throw invalidArgument(name, input, wantedImage)
    return {
      kind: 'file',
      bytes: await readSource(input, name, options),
      name: withSource(name, await safeToShow(String(input))),
    }
  }
  if (input === null || typeof input !== 'object') throw invalidArgument(name, input, wantedImage)
  if (isArrayBuffer(input)) return { kind: 'file', bytes: new Uint8Array(input), name }
  if ('arrayBuffer' in input && typeof input.arrayBuffer === 'function') {
    const fileName = 'name' in input && typeof input.name === 'string' ? withSource(name, input.name) : name
    return { kind: 'file', bytes: await readBlob(input, fileName), name: fileName }
  }
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

/**
 * Reads the pixels of what a page has drawn.
 *
 * @param name as for `openImage`
 * @throws {SoftmarginError} `IMAGE_UNREADABLE`; `INVALID_ARGUMENT` if it is not a `Drawn`
 */
async function readDrawn(input: object, name: string): Promise<RawImage> {
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
