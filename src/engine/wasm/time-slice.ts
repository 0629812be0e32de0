import { throwIfAborted } from '../../core/errors.ts'
import { yieldToHost } from '../../host/platform/yield.ts'

/** Milliseconds of work between two looks at the rest of the world: an abort is heard well within 50 ms. */
const SLICE = 16

/** Numbers that a light piece of work goes through: some milliseconds. */
const PIECE = 1 << 20

/** Keeps long work polite: lets the host breathe, and ends the work when its signal fires. */
export class Pace {
  readonly signal: AbortSignal | undefined
  /** How often the host got to breathe. */
  rests = 0
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
  get due(): boolean {
    return performance.now() - this.#last > SLICE
  }

  /**
   * Does a light piece of work on all rows of something, a few milliseconds at a time.
   *
   * @param work gets the first row of a piece and the one after its last; pieces follow each other
   * @throws {SoftmarginError} `ABORTED`
   */
  async inPieces(rows: number, cols: number, work: (from: number, to: number) => void): Promise<void> {
    const step = Math.max(1, Math.floor(PIECE / cols))
    for (let from = 0; from < rows; from += step) {
      work(from, Math.min(from + step, rows))
      if (this.due) await this.rest()
    }
  }

  /** @throws {SoftmarginError} `ABORTED` */
  async rest(): Promise<void> {
    await yieldToHost()
    this.rests++
    this.#last = performance.now()
    throwIfAborted(this.signal)
  }
}
