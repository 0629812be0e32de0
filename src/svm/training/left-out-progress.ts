import type { Progress } from '../../core/call-options.ts'

/**
 * Counts the rows that have been left out, once for each pair of their class. Other threads tell of a pair when it is done,
 * the calling thread also while it works on one.
 */
export class LeftOutProgress {
  readonly #rows: number[]
  readonly #total: number
  readonly #onProgress: ((progress: Progress) => void) | undefined
  #ended = 0
  #told = 0

  constructor(
    pairs: readonly [number, number][],
    groups: readonly Int32Array[],
    onProgress: ((progress: Progress) => void) | undefined,
  ) {
    this.#rows = pairs.map(([i, j]) => groups[i].length + groups[j].length)
    this.#total = this.#rows.reduce((sum, rows) => sum + rows, 0)
    this.#onProgress = onProgress
  }

  /** Tells how many rows of its current pair the calling thread has left out. */
  tell(rows: number): void {
    // A pair that has just ended may be counted here too, and is then known to be one of the ended ones.
    const done = Math.min(Math.max(this.#told, this.#ended + rows), this.#total)
    this.#told = done
    this.#onProgress?.({ done, total: this.#total })
  }

  /** Counts all rows of a pair. */
  end(pair: number): void {
    this.#ended += this.#rows[pair]
    this.tell(0)
  }
}
