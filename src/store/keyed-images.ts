import type { ExtractOptions } from '../cnn/batching/run-images.ts'
import { SoftmarginError } from '../core/errors.ts'
import { type ImageInput, type OpenedImage, openImage } from '../image/image-input.ts'
import { keyOf } from './feature-signature.ts'

/** An image that was opened, and what to know it by. */
export interface KeyedImage {
  index: number
  key: string
  opened: OpenedImage
}

/** Reads and keys the images from one position up to another; those that cannot be read are left out. */
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
      return { index, opened, key: await keyOf(opened) }
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

/** The same error about an image that the caller knows by another name. */
export function renamed(error: SoftmarginError, from: string, to: string): SoftmarginError {
  const { code, received, expected, cause } = error
  const argument = error.argument?.replace(from, to)
  return new SoftmarginError(code, error.message.replace(from, to), { argument, received, expected, cause })
}

/** What an image is called; empty where that is not known. */
export function nameOf(image: ImageInput): string {
  if (typeof image === 'string') return image.startsWith('data:') ? '' : image
  if (image instanceof URL) return image.protocol === 'data:' ? '' : image.href
  return 'name' in image && typeof image.name === 'string' ? image.name : ''
}
