import { threadsByDefault } from '../../engine/wasm/thread-count.ts'
import { memoryOfHost } from '../../host/platform/memory.ts'
import { threadLevel } from '../../host/threads.ts'
import type { Network } from '../runtime.ts'
import type { ImageThreads, Lane } from './image-threads.ts'
import type { NetworkToRun } from './run-batch.ts'

/** Maximum memory of the copies of a network in ONNX Runtime by default, in bytes, if that of the host is unknown. */
const MOST_BYTES = 2 ** 30
/** The memory of ONNX Runtime itself in a thread, in bytes: its compiled code and its WebAssembly memory. */
const RUNTIME_BYTES = 160 * 2 ** 20
/** The memory of a thread while it decodes a JPEG of 12 megapixels, in bytes. */
const DECODING_BYTES = 2 ** 28
/** Maximum number of threads by default that only decode and resize images, including the one that runs the network. */
const MOST_PREPARING = 8

/**
 * The number of threads that work on images, including this one: as many as the caller wants, or one per core. Fewer by
 * default where memory is short: all threads together may take half of it for decoding, and a quarter of it for copies of a
 * network in ONNX Runtime. Fewer also if they only prepare images for a network that runs in this thread. 1 where there
 * are no threads.
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
  const memory = await memoryOfHost()
  const limits = [await threadsByDefault()]
  if (memory !== undefined) limits.push(memory / 2 / DECODING_BYTES)
  if (!share) limits.push(MOST_PREPARING)
  // The weights as in the file, and as packed by ONNX Runtime.
  else if (runtime.name !== 'engine') {
    limits.push((memory === undefined ? MOST_BYTES : memory / 4) / (RUNTIME_BYTES + 3 * weightBytes))
  }
  return Math.max(1, Math.floor(Math.min(...limits)))
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
