import type { LongCall, Progress } from '../../core/call-options.ts'
import { type SoftmarginError, throwIfAborted } from '../../core/errors.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { ImageInput, OpenedImage } from '../../image/image-input.ts'
import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import type { Activation } from '../running-network.ts'
import { FeatureRows, type PooledRows, type Tap } from './feature-rows.ts'
import { decodeInto, ImageReader, isUnreadable, type NextImage, nameOf } from './image-reader.ts'

/** Progress of an extraction, counted in images. */
export interface ExtractProgress extends Progress {
  /** Number of threads that have worked on the call so far, including the calling thread. */
  threads: number
}

/** Options of a call, apart from its images. */
export interface ImageCallOptions extends Omit<LongCall<ExtractProgress>, 'signal'> {
  /** Maximum size of a batch that contains images of this call. */
  batchSize: number
  signal: AbortSignal | undefined
  onUnreadable: ((index: number, error: SoftmarginError) => void) | undefined
}

/** How far an image of a call has come. */
const WAITING = 0
const DECODED = 1
const DELIVERED = 2
const UNREADABLE = 3

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
  readonly #preprocess: ResolvedPreprocess
  readonly #reader: ImageReader
  readonly #rows: FeatureRows[]
  /** How far each image has come. With threads, images are finished in any order. */
  readonly #states: Uint8Array
  readonly #errors = new Map<number, unknown>()
  readonly #unreadable: number[] = []
  /** The other threads that have worked on the call. */
  readonly #helpers = new Set<object>()
  #resolve!: (features: Matrix[]) => void
  #reject!: (error: unknown) => void
  #isSettled = false
  /** Number of leading images that were decoded or found unreadable. */
  #decoded = 0
  /** Number of leading images that are delivered or unreadable. */
  #finished = 0
  /** `#finished` at the last report of progress. */
  #reported = 0
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
    this.#preprocess = preprocess
    this.#states = new Uint8Array(images.length)
    this.#rows = taps.map((tap) => new FeatureRows(tap, images.length))
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Prevents an unhandled rejection; the caller awaits `result` after the call has ended.
    this.result.catch(() => {})
    options.signal?.addEventListener('abort', this.#abort)
    this.#reader = new ImageReader(images, {
      signal: options.signal,
      onOpened: () => this.wake(),
    })
    if (options.signal?.aborted) this.#abort()
  }

  /** Whether `result` is settled. */
  get isSettled(): boolean {
    return this.#isSettled
  }

  /** Sets for how many threads images are opened ahead. */
  set threads(threads: number) {
    this.#reader.threads = threads
  }

  /** Number of images that no thread has taken yet. */
  get left(): number {
    return this.#isSettled ? 0 : this.#reader.left
  }

  /** Whether the next image can be decoded immediately. */
  get isReady(): boolean {
    return !this.#isSettled && this.#reader.isReady
  }

  /** Whether the next image can be sent to another thread: an image that one has failed on is not. */
  get maySend(): boolean {
    return this.isReady && this.#reader.returned === 0
  }

  /** Counter that increases with every event that `waitForChange` waits for. */
  get version(): number {
    return this.#version
  }

  /** Waits until another image is open or the call has ended; returns at once if `version` is outdated. */
  async waitForChange(version: number): Promise<void> {
    if (this.#version !== version || this.#isSettled) return
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
  }

  /**
   * Decodes the next image.
   *
   * @param slot buffer for it in the batch
   * @returns its index; `undefined` if it cannot be read or the call has ended
   */
  async decodeNext(slot: Float32Array): Promise<number | undefined> {
    const { index, opened } = this.#reader.take()
    try {
      if ('error' in opened) throw opened.error
      await decodeInto(opened, nameOf(index), this.#preprocess, slot)
      this.#mark(index, DECODED)
      if (!this.#isSettled) return index
    } catch (error) {
      this.skip(index, error)
    }
    return undefined
  }

  /** Takes the next image for another thread; `undefined` if it cannot be read. */
  takeNext(): SentImage | undefined {
    const { index, opened } = this.#reader.take()
    if (!('error' in opened)) return { call: this, index, opened }
    this.skip(index, opened.error)
    return undefined
  }

  /** Notes that another thread has decoded an image. @param thread identifies it */
  noteDecoded(index: number, thread: object): void {
    this.#helpers.add(thread)
    this.#mark(index, DECODED)
  }

  /** Puts images back that another thread has failed on. They are the next to be decoded, in this thread. */
  giveBack(images: readonly NextImage[]): void {
    this.#reader.giveBack(images)
    this.wake()
  }

  /** Stores the features of `count` images of a batch; `index` is that of the first. */
  deliver(activations: readonly Activation[], from: number, count: number, index: number): void {
    this.#store(index, count, (rows, i) => rows.set(activations[i], from, count, index))
  }

  /** As `deliver`, for features that another thread has pooled. @param thread identifies it */
  deliverPooled(
    pooled: readonly PooledRows[],
    from: number,
    count: number,
    index: number,
    thread: object,
  ): void {
    this.#helpers.add(thread)
    this.#store(index, count, (rows, i) => rows.setPooled(pooled[i], from, count, index))
  }

  #store(index: number, count: number, store: (rows: FeatureRows, i: number) => void): void {
    if (this.#isSettled) return
    try {
      for (const [i, rows] of this.#rows.entries()) store(rows, i)
      for (let i = 0; i < count; i++) this.#mark(index + i, DELIVERED)
    } catch (error) {
      this.fail(error)
    }
  }

  /** Reports how many leading images are finished. Ends the call after the last image. */
  reportProgress(): void {
    if (this.#isSettled) return
    try {
      if (this.#finished > this.#reported) {
        this.#reported = this.#finished
        const threads = 1 + this.#helpers.size
        this.#options.onProgress?.({ done: this.#finished, total: this.#images, threads })
      }
      if (this.#isSettled || this.#finished < this.#images) return
      this.#settle()
      this.#resolve(this.#rows.map((rows) => rows.matrix(this.#unreadable)))
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

  /** Notes that an image cannot be read. It is reported once all images before it were decoded or found unreadable. */
  skip(index: number, error: unknown): void {
    if (this.#isSettled) return
    this.#errors.set(index, error)
    this.#mark(index, UNREADABLE)
    // If the last image is unreadable, no later batch may be left to end the call.
    if (this.#finished === this.#images) this.reportProgress()
  }

  #mark(index: number, state: number): void {
    this.#states[index] = state
    for (; this.#states[this.#decoded] > WAITING && !this.#isSettled; this.#decoded++) {
      if (this.#states[this.#decoded] === UNREADABLE) this.#reportUnreadable(this.#decoded)
    }
    while (this.#finished < this.#decoded && this.#states[this.#finished] >= DELIVERED) this.#finished++
  }

  #reportUnreadable(index: number): void {
    const { onUnreadable } = this.#options
    const error = this.#errors.get(index)
    this.#errors.delete(index)
    this.#unreadable.push(index)
    try {
      if (!onUnreadable || !isUnreadable(error)) throw error
      onUnreadable(index, error)
    } catch (thrown) {
      this.fail(thrown)
    }
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

  /** Resolves a pending `waitForChange`. */
  wake(): void {
    this.#version++
    this.#wake?.()
    this.#wake = undefined
  }
}

/** An image of a call that is sent to another thread. */
export interface SentImage {
  call: ImageCall
  index: number
  opened: OpenedImage
}
