import type { LongCall } from '../../core/call-options.ts'
import { type SoftmarginError, throwIfAborted } from '../../core/errors.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { ImageInput } from '../../image/image-input.ts'
import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import type { Activation } from '../running-network.ts'
import { FeatureRows, type Tap } from './feature-rows.ts'
import { ImageReader, isUnreadable } from './image-reader.ts'

/** Options of a call, apart from its images. */
export interface ImageCallOptions extends Omit<LongCall, 'signal'> {
  /** Maximum size of a batch that contains images of this call. */
  batchSize: number
  signal: AbortSignal | undefined
  onUnreadable: ((index: number, error: SoftmarginError) => void) | undefined
}

/**
 * One call over images on its way through the network. It has its own order, rows, progress, errors and abort
 * signal, independent of the calls that share its batches. A failure in one call does not affect another.
 */
export class ImageCall {
  readonly batchSize: number
  /** The call's result, or the error it ended with. */
  readonly result: Promise<Matrix[]>
  readonly #images: number
  readonly #options: ImageCallOptions
  readonly #reader: ImageReader
  readonly #rows: FeatureRows[]
  #resolve!: (features: Matrix[]) => void
  #reject!: (error: unknown) => void
  #isSettled = false
  /** Number of images decoded, and number of those whose features have been delivered. */
  #decoded = 0
  #delivered = 0
  #told = 0
  #version = 0
  #wake: (() => void) | undefined

  constructor(
    images: readonly ImageInput[],
    preprocess: ResolvedPreprocess,
    taps: Tap[],
    options: ImageCallOptions,
  ) {
    this.batchSize = options.batchSize
    this.#images = images.length
    this.#options = options
    this.#rows = taps.map((tap) => new FeatureRows(tap, images.length))
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Prevents an unhandled rejection; the caller awaits `result` after the call has ended.
    this.result.catch(() => {})
    options.signal?.addEventListener('abort', this.#abort)
    this.#reader = new ImageReader(images, preprocess, {
      signal: options.signal,
      onOpened: () => this.wake(),
    })
    if (options.signal?.aborted) this.#abort()
  }

  /** Whether `result` is settled. */
  get isSettled(): boolean {
    return this.#isSettled
  }

  /** Whether there are images that are not yet decoded. */
  get hasMore(): boolean {
    return !this.#isSettled && this.#reader.next < this.#images
  }

  /** Whether the next image can be decoded immediately. */
  get isReady(): boolean {
    return !this.#isSettled && this.#reader.isReady
  }

  /** Number of images processed: decoded or found unreadable. */
  get position(): number {
    return this.#reader.next
  }

  /** Counter that increases with every event that `news` waits for. */
  get version(): number {
    return this.#version
  }

  /** Waits until another image is open or the call has ended; returns at once if `version` is outdated. */
  async news(version: number): Promise<void> {
    if (this.#version !== version || this.#isSettled) return
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
  }

  /**
   * Decodes the next image.
   *
   * @param slot buffer for it in the batch
   * @returns the row that its features become; `undefined` if it cannot be read or the call has ended
   */
  async decodeNext(slot: Float32Array): Promise<number | undefined> {
    const index = this.#reader.next
    try {
      await this.#reader.decodeNext(slot)
      if (!this.#isSettled) return this.#decoded++
    } catch (error) {
      this.#skip(index, error)
    }
    return undefined
  }

  /** Stores the features of `count` images of a batch, the first of which becomes `row`. */
  deliver(activations: readonly Activation[], from: number, count: number, row: number): void {
    if (this.#isSettled) return
    try {
      for (const [i, rows] of this.#rows.entries()) rows.set(activations[i], from, count, row)
      this.#delivered += count
    } catch (error) {
      this.fail(error)
    }
  }

  /**
   * Reports progress: the features of the first `position` images are available. Ends the call after the last
   * image.
   */
  tell(position: number): void {
    if (this.#isSettled) return
    try {
      if (position > this.#told) {
        this.#told = position
        this.#options.onProgress?.({ done: position, total: this.#images })
      }
      if (this.#isSettled || position < this.#images || this.#delivered < this.#decoded) return
      this.#settle()
      this.#resolve(this.#rows.map((rows) => rows.matrix(this.#delivered)))
    } catch (error) {
      this.#settle()
      this.#reject(error)
    }
  }

  /** Ends the call with an error, unless it has already ended. */
  fail(error: unknown): void {
    if (this.#isSettled) return
    this.#settle()
    this.#reject(error)
  }

  #skip(index: number, error: unknown): void {
    if (this.#isSettled) return
    const { onUnreadable } = this.#options
    try {
      if (!onUnreadable || !isUnreadable(error)) throw error
      onUnreadable(index, error)
    } catch (thrown) {
      this.fail(thrown)
    }
    // If the last image is unreadable, no later batch may be left to end the call.
    if (this.#reader.next === this.#images && this.#delivered === this.#decoded) this.tell(this.#images)
  }

  readonly #abort = () => {
    try {
      throwIfAborted(this.#options.signal)
    } catch (error) {
      this.fail(error)
    }
  }

  #settle(): void {
    this.#isSettled = true
    this.#options.signal?.removeEventListener('abort', this.#abort)
    this.wake()
  }

  /** Resolves a pending `news`. */
  wake(): void {
    this.#version++
    this.#wake?.()
    this.#wake = undefined
  }
}
