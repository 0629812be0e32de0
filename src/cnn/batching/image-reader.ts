import { SoftmarginError } from '../../core/errors.ts'
import { decodeOpened } from '../../image/decode.ts'
import { type ImageInput, type OpenedImage, openImage } from '../../image/image-input.ts'
import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import { writeTensor } from '../../image/tensor.ts'

/** Number of files that are read or fetched ahead of the image being decoded. */
const READ_AHEAD = 8

/**
 * Decodes a list of images into tensors one after the other, while reading the files of the following images.
 */
export class ImageReader {
  readonly #images: readonly ImageInput[]
  readonly #preprocess: ResolvedPreprocess
  readonly #signal: AbortSignal | undefined
  readonly #onOpened: () => void
  /** Opened images, or the error from opening them, by index. */
  readonly #opened = new Map<number, OpenedImage | { error: unknown }>()
  #asked = 0
  #next = 0

  /** @param onOpened called whenever another image has been opened or has failed to open */
  constructor(
    images: readonly ImageInput[],
    preprocess: ResolvedPreprocess,
    o: { signal: AbortSignal | undefined; onOpened: () => void },
  ) {
    this.#images = images
    this.#preprocess = preprocess
    this.#signal = o.signal
    this.#onOpened = o.onOpened
    this.#openAhead()
  }

  /** Index of the next image to decode; after the last one, the number of images. */
  get next(): number {
    return this.#next
  }

  /** Whether the next image can be decoded without waiting for its file. */
  get isReady(): boolean {
    return this.#opened.has(this.#next)
  }

  /**
   * Decodes the next image into a slot of a batch and advances to the following one, even if it throws.
   *
   * @param slot float32 of length `tensorLength(preprocess)`
   * @throws {SoftmarginError} as `decodeImage`
   */
  async decodeNext(slot: Float32Array): Promise<void> {
    const index = this.#next++
    const opened = this.#opened.get(index)!
    this.#opened.delete(index)
    this.#openAhead()
    if ('error' in opened) throw opened.error
    writeTensor(await decodeOpened(opened, nameOf(index)), this.#preprocess, slot)
  }

  #openAhead(): void {
    const end = Math.min(this.#next + READ_AHEAD, this.#images.length)
    for (; this.#asked < end; this.#asked++) {
      const index = this.#asked
      const keep = (opened: OpenedImage | { error: unknown }) => {
        this.#opened.set(index, opened)
        this.#onOpened()
      }
      openImage(this.#images[index], nameOf(index), { signal: this.#signal }).then(keep, (error) =>
        keep({ error }),
      )
    }
  }
}

function nameOf(index: number): string {
  return `images[${index}]`
}

/** Whether an error concerns a single image, which may be skipped, rather than the whole call. */
export function isUnreadable(error: unknown): error is SoftmarginError {
  if (!(error instanceof SoftmarginError)) return false
  // Failure to load a codec is not the fault of the image.
  if (error.argument?.endsWith('.wasm')) return false
  return error.code === 'IMAGE_UNREADABLE' || error.code === 'FILE_UNREADABLE'
}
