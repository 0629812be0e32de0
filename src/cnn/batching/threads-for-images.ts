import { threadsByDefault } from '../../engine/wasm/thread-count.ts'
import { threadLevel } from '../../host/threads.ts'
import type { Network } from '../runtime.ts'
import type { ImageThreads, Lane } from './image-threads.ts'
import type { NetworkToRun } from './run-batch.ts'

/** Maximum memory of the copies of a network in ONNX Runtime by default, in bytes. */
const MOST_BYTES = 2 ** 30
/** The memory of ONNX Runtime itself in a thread, in bytes: its compiled code and its WebAssembly memory. */
const RUNTIME_BYTES = 2 ** 26

/** Maximum number of threads by default that only decode and resize images, including the one that runs the network. */
const MOST_PREPARING = 8

/**
 * The number of threads that work on images, including this one: as many as the caller wants, or one per core. Fewer by
 * default if each needs a copy of the network and these would take too much memory, or if they only prepare images for a
 * network that runs in this thread. 1 where there are no threads.
 *
 * @param weightBytes size of the network's weights
 */
export async function threadsForImages(
  { share, runtime }: Network,
  wanted: number | undefined,
  weightBytes: number,
): Promise<number> {
  if (threadLevel() === undefined) return 1
  if (wanted !== undefined) return wanted
  const threads = await threadsByDefault()
  if (!share) return Math.min(threads, MOST_PREPARING)
  if (runtime.name === 'engine') return threads
  // The weights as in the file, and as packed by ONNX Runtime.
  return Math.max(1, Math.min(threads, Math.floor(MOST_BYTES / (RUNTIME_BYTES + 3 * weightBytes))))
}

/**
 * The other threads that work on the images of one network. Their code is loaded when they are first wanted: a program that classifies a few
 * images never needs it.
 */
export class ThreadsForImages {
  readonly #network: NetworkToRun
  readonly #dims: readonly number[]
  readonly #count: number
  #threads: ImageThreads | undefined
  /** Whether there is work for the threads. */
  #isWanted = false
  #isClosed = false

  /**
   * @param dims dimensions of the smallest batch that the network accepts
   * @param threads how many threads work on images, including this one
   */
  constructor(network: NetworkToRun, dims: readonly number[], threads: number) {
    this.#network = network
    this.#dims = dims
    this.#count = threads - 1
  }

  /** Whether other threads can be used at all. */
  get isPossible(): boolean {
    return this.#threads?.isPossible ?? (this.#count > 0 && !this.#isClosed)
  }

  /** Whether threads have been prepared before and are available at once. */
  get isPrepared(): boolean {
    return this.#threads?.isPrepared ?? false
  }

  /** Whether they only decode and resize images: a network on a GPU or in a given module is not copied. */
  get isPreparingOnly(): boolean {
    return !this.#network.session.share
  }

  /** The threads that are in use and ready. */
  get lanes(): Lane[] {
    return this.#threads?.lanes ?? []
  }

  /** Starts using the threads. @param onReady called whenever one is ready */
  start(onReady: () => void): void {
    if (this.#threads) this.#threads.start(onReady)
    else if (!this.#isWanted && this.isPossible) {
      this.#isWanted = true
      this.#load(onReady).catch(() => {
        // Without the code, this thread continues alone.
        this.#isClosed = true
      })
    }
  }

  async #load(onReady: () => void): Promise<void> {
    const { ImageThreads } = await import('./image-threads.ts')
    if (this.#isClosed) return
    this.#threads ??= new ImageThreads(this.#network, this.#dims, this.#count)
    if (this.#isWanted) this.#threads.start(onReady)
  }

  /** Releases the threads once they have finished their jobs. */
  rest(): void {
    this.#isWanted = false
    this.#threads?.rest()
  }

  /** Frees the copies of the network. */
  close(): void {
    this.#isClosed = true
    this.#threads?.close()
  }
}
