import type { ImageThreads, Lane } from './image-threads.ts'
import type { NetworkToRun } from './run-batch.ts'

/**
 * Loads and starts `ImageThreads` on first use, so that a program that classifies a few images never downloads its code.
 */
export class LazyImageThreads {
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
  get canStart(): boolean {
    return this.#threads?.canStart ?? (this.#count > 0 && !this.#isClosed)
  }

  /** Whether threads have been prepared before and are available at once. */
  get isPrepared(): boolean {
    return this.#threads?.isPrepared ?? false
  }

  /** Whether they only decode and resize images, because the network cannot be copied: on a GPU or in a given module. */
  get onlyDecodes(): boolean {
    return !this.#network.session.share
  }

  /** The threads that are in use and ready. */
  get lanes(): Lane[] {
    return this.#threads?.lanes ?? []
  }

  /** Starts using the threads. @param onReady called whenever one is ready */
  start(onReady: () => void): void {
    if (this.#threads) this.#threads.start(onReady)
    else if (!this.#isWanted && this.canStart) {
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
  release(): void {
    this.#isWanted = false
    this.#threads?.release()
  }

  /** Frees the copies of the network. */
  close(): void {
    this.#isClosed = true
    this.#threads?.close()
  }
}
