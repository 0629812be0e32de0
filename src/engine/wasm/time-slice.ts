import { throwIfAborted } from '../../core/errors.ts'
import { yieldToHost } from '../../host/platform/yield.ts'

/** Milliseconds of work between two looks at the rest of the world: an abort is heard well within 50 ms. */
const SLICE_MS = 16

/** Numbers that a light piece of work goes through: some milliseconds. */
const CHUNK_NUMBERS = 1 << 20

/** Keeps long work polite: lets the host breathe, and ends the work when its signal fires. */
export class TimeSlice {
  readonly signal: AbortSignal | undefined
  /** How often the host got to breathe. */
  yields = 0
  #last: number

  /** @param rested when the host last had its turn, as `performance.now()` tells it. Default: now */
  constructor(signal?: AbortSignal, rested = performance.now()) {
    this.signal = signal
    this.#last = rested
    throwIfAborted(signal)
  }

  /** When the host last had its turn. */
  get rested(): number {
    return this.#last
  }

  /** Whether a slice is over: then `await rest()`. Apart, so that the usual case costs no promise. */
  get expired(): boolean {
    return performance.now() - this.#last > SLICE_MS
  }

  /**
   * Does a light piece of work on all rows of something, a few milliseconds at a time.
   *
   * @param work gets the first row of a piece and the one after its last; pieces follow each other
   * @throws {SoftmarginError} `ABORTED`
   */
  async forEachChunk(rows: number, cols: number, work: (from: number, to: number) => void): Promise<void> {
    const step = Math.max(1, Math.floor(CHUNK_NUMBERS / cols))
    for (let from = 0; from < rows; from += step) {
      work(from, Math.min(from + step, rows))
      if (this.expired) await this.yield()
    }
  }

  /** @throws {SoftmarginError} `ABORTED` */
  async yield(): Promise<void> {
    await yieldToHost()
    this.yields++
    this.#last = performance.now()
    throwIfAborted(this.signal)
  }
}
