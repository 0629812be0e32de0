import { throwIfAborted } from '../errors.ts'
import { yieldToHost } from '../host/yield.ts'

/** Milliseconds of work between two looks at the rest of the world: an abort is heard well within 50 ms. */
const SLICE = 16

/** Keeps long work polite: lets the host breathe, and ends the work when its signal fires. */
export class Pace {
  readonly signal: AbortSignal | undefined
  #last = performance.now()

  constructor(signal?: AbortSignal) {
    this.signal = signal
    throwIfAborted(signal)
  }

  /** Whether a slice is over: then `await rest()`. Apart, so that the usual case costs no promise. */
  get due(): boolean {
    return performance.now() - this.#last > SLICE
  }

  /** @throws {SoftmarginError} `ABORTED` */
  async rest(): Promise<void> {
    await yieldToHost()
    this.#last = performance.now()
    throwIfAborted(this.signal)
  }
}
