import { SoftmarginError, throwIfAborted } from '../core/errors.ts'
import { describeFileType } from '../core/file-type.ts'
import { decoderOf, hasMoreFormats } from './format-registry.ts'
import { type ImageInput, type OpenedImage, openImage, type RawImage } from './image-input.ts'
import { decodeJpeg } from './jpeg.ts'

/**
 * Reads and decodes one image: JPEG (CMYK too), PNG, WebP, AVIF, GIF or BMP. Of an animation, the first image is
 * decoded.
 *
 * The format is detected from the first bytes, never from the name. JPEG images are rotated according to
 * their EXIF orientation, grey is converted to RGB, and transparent pixels are blended with white.
 *
 * @param input encoded bytes, pixels, a URL or a path
 * @param name name of the caller's argument, for error messages
 * @returns opaque RGBA pixels, which are themselves an `ImageInput`
 * @throws {SoftmarginError} `IMAGE_UNREADABLE` if the input is not an image in one of these formats, or is truncated
 *   or damaged; `FILE_UNREADABLE` for a path or URL that cannot be read; `INVALID_ARGUMENT`, `SHAPE_MISMATCH` for
 *   inconsistent pixel data; `ABORTED`
 */
export async function decodeImage(
  input: ImageInput,
  name = 'image',
  options: { signal?: AbortSignal | undefined } = {},
): Promise<RawImage & { channels: 4 }> {
  throwIfAborted(options.signal)
  return decodeOpened(await openImage(input, name, options), name)
}

/** Like `decodeImage`, for an input that is already opened. */
export async function decodeOpened(opened: OpenedImage, name: string): Promise<RawImage & { channels: 4 }> {
  return opened.kind === 'pixels' ? opaque(opened.image) : decodeFile(opened.bytes, opened.name, name)
}

async function decodeFile(
  bytes: Uint8Array,
  label: string,
  argument: string,
): Promise<RawImage & { channels: 4 }> {
  const format = describeFileType(bytes)
  const expected = hasMoreFormats() ? 'a JPEG, PNG, WebP, AVIF, GIF or BMP image' : 'a JPEG or PNG image'
  const details = { argument, received: format, expected }
  try {
    // The decoder returns opaque RGBA, so millions of pixels need not be tested.
    if (format === 'a JPEG image') return { ...(await decodeJpeg(bytes)), channels: 4 }
    if (format === 'a PNG image') return await opaque(await (await import('./png/png.ts')).decodePng(bytes))
    const decode = await decoderOf(format)
    if (decode) return await opaque(await decode(bytes))
  } catch (cause) {
    // Failure to load a codec is not the fault of the image.
    if (cause instanceof SoftmarginError) throw cause
    const why = cause instanceof Error && cause.message ? cause.message : 'the decoder does not take it'
    const message = `${label} is ${format} that cannot be decoded: ${why}`
    throw new SoftmarginError('IMAGE_UNREADABLE', message, { ...details, cause })
  }
  const message = `${label} must be ${expected}, but is ${format}${adviceFor(format)}`
  throw new SoftmarginError('IMAGE_UNREADABLE', message, details)
}

/** Loaded when it is needed: pages with JPEG images alone do without. */
let blending: typeof import('./formats/without-transparency.ts') | undefined

async function opaque(image: RawImage): Promise<RawImage & { channels: 4 }> {
  blending ??= await import('./formats/without-transparency.ts')
  return blending.withoutTransparency(image)
}

/** Advice for a file in an unsupported format. */
function adviceFor(format: string): string {
  if (format === 'a HEIC image') {
    return '; convert it to JPEG, for example with "sips -s format jpeg" (macOS) or "heif-convert" (libheif)'
  }
  const isElsewhere = /^an? (WebP|AVIF|GIF|BMP) image$/.test(format)
  return isElsewhere
    ? '; softmargin/lite and the entry for workerd read JPEG and PNG alone, so convert it'
    : ''
}
