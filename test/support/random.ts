/** A seeded random number generator (mulberry32), so that every run of a test uses the same data. */
export class SeededRandom {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  /** Returns a number from 0 (inclusive) to 1 (exclusive). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /** Returns an integer from 0 to `bound - 1`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound)
  }

  /** Returns an integer from `low` to `high`, inclusive. */
  integer(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  pick<T>(...items: readonly T[]): T {
    return items[this.below(items.length)]
  }

  /** Returns numbers from -1 to 1, times `scale`. */
  floats(length: number, scale = 1): Float32Array {
    return Float32Array.from({ length }, () => scale * (2 * this.next() - 1))
  }
}

/** A pseudo-random number from -1 to 1 that depends only on `i`. */
export function noise(i: number): number {
  const x = Math.sin(i * 78.233) * 43758.5453
  return 2 * (x - Math.floor(x)) - 1
}
