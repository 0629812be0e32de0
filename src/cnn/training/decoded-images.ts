import { throwIfAborted } from '../../core/errors.ts'
import { yieldToHost } from '../../host/platform/yield.ts'
import type { ImageInput } from '../../image/image-input.ts'
import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import { tensorLength } from '../../image/tensor.ts'
import { decodeInto, ImageReader, nameOf } from '../batching/image-reader.ts'

/**
 * Decodes images into tensors, a batch at a time, and yields to the event loop after each batch.
 *
 * @param batchSize maximum number of images of a batch
 * @param onBatch called with the tensors of the next images, [count, channels, height, width], and the index of the first
 * @throws {SoftmarginError} `IMAGE_UNREADABLE` and `FILE_UNREADABLE` naming `images[i]`, `ABORTED`
 */
export async function forEachDecodedBatch(
  images: readonly ImageInput[],
  preprocess: ResolvedPreprocess,
  { batchSize, signal }: { batchSize: number; signal: AbortSignal | undefined },
  onBatch: (tensors: Float32Array, first: number, count: number) => Promise<void> | void,
): Promise<void> {
  const length = tensorLength(preprocess)
  const tensors = new Float32Array(Math.min(batchSize, images.length) * length)
  let wake: (() => void) | undefined
  const reader = new ImageReader(images, { signal, onOpened: () => wake?.() })
  for (let first = 0, count = 0; first < images.length; first += count) {
    count = Math.min(batchSize, images.length - first)
    for (let i = 0; i < count; i++) {
      while (!reader.isReady) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      throwIfAborted(signal)
      const { index, opened } = reader.take()
      if ('error' in opened) throw opened.error
      await decodeInto(opened, nameOf(index), preprocess, tensors.subarray(i * length, (i + 1) * length))
    }
    await onBatch(tensors.subarray(0, count * length), first, count)
    await yieldToHost()
    throwIfAborted(signal)
  }
}
