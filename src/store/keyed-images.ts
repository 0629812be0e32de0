import type { ExtractOptions } from '../cnn/batching/run-images.ts'
import { SoftmarginError } from '../core/errors.ts'
import { sha256 } from '../core/sha256.ts'
import { type ImageInput, type OpenedImage, openImage } from '../image/image-input.ts'

/** An opened image with the key that identifies it. */
export interface KeyedImage {
  index: number
  key: string
  opened: OpenedImage
}

/** Opens and keys the images in a range of positions; those that cannot be read are left out. */
export async function openAll(
  images: readonly ImageInput[],
  from: number,
  to: number,
  { signal, onUnreadable }: Pick<ExtractOptions, 'signal' | 'onUnreadable'>,
): Promise<KeyedImage[]> {
  const opening = Array.from({ length: to - from }, async (_, i): Promise<KeyedImage | SoftmarginError> => {
    const index = from + i
    try {
      const opened = await openImage(images[index], `images[${index}]`, { signal })
      return { index, opened, key: await imageKey(opened) }
    } catch (error) {
      if (!onUnreadable || !(error instanceof SoftmarginError) || error.code !== 'FILE_UNREADABLE')
        throw error
      return error
    }
  })
  const batch: KeyedImage[] = []
  for (const [i, one] of (await Promise.all(opening)).entries()) {
    if (one instanceof SoftmarginError) onUnreadable?.(from + i, one)
    else batch.push(one)
  }
  return batch
}

/** Returns the same error with the image's name replaced by the one that the caller knows. */
export function renamed(error: SoftmarginError, from: string, to: string): SoftmarginError {
  const { code, received, expected, cause } = error
  const argument = error.argument?.replace(from, to)
  return new SoftmarginError(code, error.message.replace(from, to), { argument, received, expected, cause })
}

/** The name of an image; empty if it is unknown. */
export function nameOf(image: ImageInput): string {
  if (typeof image === 'string') return image.startsWith('data:') ? '' : image
  if (image instanceof URL) return image.protocol === 'data:' ? '' : image.href
  return 'name' in image && typeof image.name === 'string' ? image.name : ''
}

/** The key of an image: SHA-256, in hexadecimal, of the bytes of its file, or of its size, channel count and pixels. */
async function imageKey(opened: OpenedImage): Promise<string> {
  if (opened.kind === 'file') return sha256(Uint8Array.from(opened.bytes))
  const { data, width, height, channels } = opened.image
  const bytes = new Uint8Array(12 + data.length)
  bytes.set(new Uint8Array(Uint32Array.of(width, height, channels).buffer))
  bytes.set(data, 12)
  return sha256(bytes)
}
