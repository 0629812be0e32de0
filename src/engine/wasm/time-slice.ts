import { throwIfAborted } from '../../core/errors.ts'
import { yieldToHost } from '../../host/platform/yield.ts'

/** Milliseconds of computation between yields to the event loop: aborts are noticed well within 50 ms. */
const SLICE_MS = 16

/** Elements that a cheap operation processes per chunk: a few milliseconds. */
const CHUNK_NUMBERS = 1 << 20

/**
 * Cooperative scheduling of long computations: yields to the event loop about every 16 ms, and throws when the signal
 * is aborted.
 */
export class TimeSlice {
  readonly signal: AbortSignal | undefined
  /** Number of yields so far. */
  yields = 0
  #last: number

  /**
   * @param rested time of the last yield, as of `performance.now()`, in ms. Default: now
   * @throws {SoftmarginError} `ABORTED` if the signal is already aborted
   */
  constructor(signal?: AbortSignal, rested = performance.now()) {
    this.signal = signal
    this.#last = rested
    throwIfAborted(signal)
  }

  /** Time of the last yield, as of `performance.now()`, in ms. */
  get rested(): number {
    return this.#last
  }

  /** Whether the slice is over; then `await yield()`. A separate check, so that the common case creates no promise. */
  get expired(): boolean {
    return performance.now() - this.#last > SLICE_MS
  }

  /**
   * Processes `rows` rows of `cols` elements with a cheap operation, in chunks of a few milliseconds.
   *
   * @param work called for consecutive chunks with the first row and the row after the last
   * @throws {SoftmarginError} `ABORTED`
   */
  async forEachChunk(rows: number, cols: number, work: (from: number, to: number) => void): Promise<void> {
    const step = Math.max(1, Math.floor(CHUNK_NUMBERS / cols))
    for (let from = 0; from < rows; from += step) {
      work(from, Math.min(from + step, rows))
      if (this.expired) await this.yield()
    }
  }

  /** Yields to the event loop and starts a new slice. @throws {SoftmarginError} `ABORTED` */
  async yield(): Promise<void> {
    await yieldToHost()
    this.yields++
    this.#last = performance.now()
    throwIfAborted(this.signal)
  }
}
