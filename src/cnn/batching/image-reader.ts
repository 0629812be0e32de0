import { SoftmarginError } from '../../core/errors.ts'
import { decodeOpened } from '../../image/decode.ts'
import { type ImageInput, type OpenedImage, openImage } from '../../image/image-input.ts'
import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import { writeTensor } from '../../image/tensor.ts'

/** Minimum number of files that are read or fetched ahead of the image being decoded, for each thread. */
const MIN_READ_AHEAD = 8
/**
 * Maximum of that number. Reading a file takes several turns of the event loop, of which there are few while the network
 * runs in this thread, so that many small files must be under way for the other threads to have work.
 */
const MAX_READ_AHEAD = 64
/** Bytes that more files than the minimum may take together, for each thread. */
const READ_AHEAD_BYTES = 2 ** 22

/** An image that is opened, or the error from opening it. */
export interface NextImage {
  /** Its index among the images of the call. */
  index: number
  opened: OpenedImage | { error: unknown }
}

/**
 * Opens a list of images one after the other, ahead of those that are decoded.
 */
export class ImageReader {
  readonly #images: readonly ImageInput[]
  readonly #signal: AbortSignal | undefined
  readonly #onOpened: () => void
  readonly #opened = new Map<number, OpenedImage | { error: unknown }>()
  readonly #returned: NextImage[] = []
  #threads = 1
  #asked = 0
  #next = 0
  /** Number and size of the files read so far. */
  #files = 0
  #bytes = 0

  /** @param onOpened called whenever another image has been opened or has failed to open */
  constructor(images: readonly ImageInput[], o: { signal: AbortSignal | undefined; onOpened: () => void }) {
    this.#images = images
    this.#signal = o.signal
    this.#onOpened = o.onOpened
    this.#openAhead()
  }

  /** Sets for how many threads images are opened ahead. */
  set threads(threads: number) {
    this.#threads = threads
    this.#openAhead()
  }

  /** Number of images that were not taken yet, or were given back. */
  get left(): number {
    return this.#images.length - this.#next + this.#returned.length
  }

  /** Number of images given back. */
  get returned(): number {
    return this.#returned.length
  }

  /** Whether an image can be taken without waiting for its file. */
  get isReady(): boolean {
    return this.#returned.length > 0 || this.#opened.has(this.#next)
  }

  /** Takes the next image. Call it only if `isReady`. */
  take(): NextImage {
    const returned = this.#returned.shift()
    if (returned) return returned
    const index = this.#next++
    const opened = this.#opened.get(index)!
    this.#opened.delete(index)
    this.#openAhead()
    return { index, opened }
  }

  /** Puts images back that were taken and not decoded; they are the next to be taken. */
  giveBack(images: readonly NextImage[]): void {
    this.#returned.push(...images)
  }

  /** How many images are opened ahead: more if the files so far are small. */
  get #readAhead(): number {
    const fitting = this.#files === 0 ? 0 : Math.floor((READ_AHEAD_BYTES * this.#files) / this.#bytes)
    return this.#threads * Math.max(MIN_READ_AHEAD, Math.min(fitting, MAX_READ_AHEAD))
  }

  #openAhead(): void {
    const end = Math.min(this.#next + this.#readAhead, this.#images.length)
    for (; this.#asked < end; this.#asked++) {
      const index = this.#asked
      const keep = (opened: OpenedImage | { error: unknown }) => {
        this.#opened.set(index, opened)
        if ('kind' in opened && opened.kind === 'file') {
          this.#files++
          this.#bytes += opened.bytes.length
        }
        this.#onOpened()
      }
      openImage(this.#images[index], nameOf(index), { signal: this.#signal }).then(keep, (error) =>
        keep({ error }),
      )
    }
  }
}

/** The name of an image as an argument of the call. */
export function nameOf(index: number): string {
  return `images[${index}]`
}

/**
 * Decodes and preprocesses an image.
 *
 * @param argument its name as an argument of the call
 * @param slot float32 of length `tensorLength(preprocess)`
 * @throws {SoftmarginError} as `decodeImage`
 */
export async function decodeInto(
  opened: OpenedImage,
  argument: string,
  preprocess: ResolvedPreprocess,
  slot: Float32Array,
): Promise<void> {
  writeTensor(await decodeOpened(opened, argument), preprocess, slot)
}

/** Whether an error concerns a single image, which may be skipped, rather than the whole call. */
export function isUnreadable(error: unknown): error is SoftmarginError {
  if (!(error instanceof SoftmarginError)) return false
  // Failure to load a codec is not the fault of the image.
  if (error.argument?.endsWith('.wasm')) return false
  return error.code === 'IMAGE_UNREADABLE' || error.code === 'FILE_UNREADABLE'
}
