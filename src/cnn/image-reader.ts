import { SoftmarginError, throwIfAborted } from '../errors.ts'
import { decodeOpened } from '../image/decode.ts'
import { type ImageInput, type OpenedImage, openImage } from '../image/input.ts'
import type { ResolvedPreprocess } from '../image/preprocess.ts'
import { tensorLength, writeTensor } from '../image/tensor.ts'

/** How many files are read, or fetched, ahead of the one that is decoded. */
const readAhead = 8

/** Turns a list of images into tensors, one after the other, reading the files behind them ahead. */
export class ImageReader {
  /** The image that comes next. */
  next = 0
  readonly #images: readonly ImageInput[]
  readonly #preprocess: ResolvedPreprocess
  readonly #signal: AbortSignal | undefined
  readonly #onUnreadable: ((index: number, error: SoftmarginError) => void) | undefined
  readonly #opened = new Map<number, Promise<OpenedImage>>()

  constructor(
    images: readonly ImageInput[],
    preprocess: ResolvedPreprocess,
    options: {
      signal?: AbortSignal | undefined
      onUnreadable?: ((index: number, error: SoftmarginError) => void) | undefined
    },
  ) {
    this.#images = images
    this.#preprocess = preprocess
    this.#signal = options.signal
    this.#onUnreadable = options.onUnreadable
  }

  /**
   * Fills a batch with the next images.
   *
   * @param batch room for whole images
   * @returns how many it holds now: fewer than it could at the end, or where images cannot be read
   */
  async fill(batch: Float32Array): Promise<number> {
    const length = tensorLength(this.#preprocess)
    let filled = 0
    for (; this.next < this.#images.length && filled * length < batch.length; this.next++) {
      throwIfAborted(this.#signal)
      const i = this.next
      try {
        const image = await decodeOpened(await this.#open(i), nameOf(i))
        writeTensor(image, this.#preprocess, batch.subarray(filled * length, (filled + 1) * length))
        filled++
      } catch (error) {
        if (!this.#onUnreadable || !isUnreadable(error)) throw error
        this.#onUnreadable(i, error)
      }
    }
    return filled
  }

  /** The file of an image, those after it being read meanwhile. */
  #open(i: number): Promise<OpenedImage> {
    for (let j = i; j < Math.min(i + readAhead, this.#images.length); j++) {
      if (this.#opened.has(j)) continue
      const opening = openImage(this.#images[j], nameOf(j), { signal: this.#signal })
      // An image that is never asked for may fail unheard.
      opening.catch(() => {})
      this.#opened.set(j, opening)
    }
    const opened = this.#opened.get(i)!
    this.#opened.delete(i)
    return opened
  }
}

function nameOf(i: number): string {
  return `images[${i}]`
}

function isUnreadable(error: unknown): error is SoftmarginError {
  if (!(error instanceof SoftmarginError)) return false
  // A codec that cannot be loaded is no fault of the picture.
  if (error.argument?.endsWith('.wasm')) return false
  return error.code === 'IMAGE_UNREADABLE' || error.code === 'FILE_UNREADABLE'
}
