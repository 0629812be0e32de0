import type { LongCall } from '../../core/call-options.ts'
import { type SoftmarginError, throwIfAborted } from '../../core/errors.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { ImageInput } from '../../image/image-input.ts'
import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import type { Activation } from '../session.ts'
import { FeatureRows, type Tap } from './feature-rows.ts'
import { ImageReader, isUnreadable } from './image-reader.ts'

/** What a call asks for, beside its images. */
export interface ImageCallOptions extends Omit<LongCall, 'signal'> {
  /** How many images may be in a batch that this call is part of. */
  batchSize: number
  signal: AbortSignal | undefined
  onUnreadable: ((index: number, error: SoftmarginError) => void) | undefined
}

/**
 * One call over images on its way through the network: its own order, rows, progress, errors and abort, whichever
 * other calls share its batches. Nothing that goes wrong in it reaches another call.
 */
export class ImageCall {
  readonly batchSize: number
  /** What the call answers, or the error that it ends with. */
  readonly result: Promise<Matrix[]>
  readonly #images: number
  readonly #options: ImageCallOptions
  readonly #reader: ImageReader
  readonly #rows: FeatureRows[]
  #resolve!: (features: Matrix[]) => void
  #reject!: (error: unknown) => void
  #isSettled = false
  /** Images that were decoded, and those of them whose features are here. */
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
    // It is looked at when the call has ended.
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

  /** Whether there are images that have not been decoded yet. */
  get hasMore(): boolean {
    return !this.#isSettled && this.#reader.next < this.#images
  }

  /** Whether the next of them can be decoded at once. */
  get isReady(): boolean {
    return !this.#isSettled && this.#reader.isReady
  }

  /** How many images have been gone through: decoded, or found unreadable. */
  get position(): number {
    return this.#reader.next
  }

  /** A number that grows with everything that `news` tells of. */
  get version(): number {
    return this.#version
  }

  /** Waits until another image is open, or the call has ended, unless that has happened since `version`. */
  async news(version: number): Promise<void> {
    if (this.#version !== version || this.#isSettled) return
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
  }

  /**
   * Decodes the next image.
   *
   * @param slot its place in the batch
   * @returns the row that its features become; `undefined` if it cannot be read, or the call has ended
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

  /** Takes the features of `count` images of a batch, the first of which becomes `row`. */
  deliver(activations: readonly Activation[], from: number, count: number, row: number): void {
    if (this.#isSettled) return
    try {
      for (const [i, rows] of this.#rows.entries()) rows.set(activations[i], from, count, row)
      this.#delivered += count
    } catch (error) {
      this.fail(error)
    }
  }

  /** Tells the caller that the features of the first `position` images are there; ends the call after the last. */
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

  /** Ends the call with an error, unless it has ended. */
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
    // Behind the last image there may be nothing left to wait for.
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

  /** Ends a wait for `news`. */
  wake(): void {
    this.#version++
    this.#wake?.()
    this.#wake = undefined
  }
}
