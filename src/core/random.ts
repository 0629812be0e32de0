import { invalidArgument } from './errors.ts'

/**
 * A seeded random number generator with the same sequence on every host: xoshiro128** by Blackman and Vigna
 * (https://prng.di.unimi.it/xoshiro128starstar.c), with its state filled by splitmix32.
 */
export class Random {
  #a: number
  #b: number
  #c: number
  #d: number

  /**
   * @param seed an integer from 0 to 2^32 - 1
   * @param name the caller's name of the seed, for error messages
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for any other seed
   */
  constructor(seed: number, name = 'randomState') {
    if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
      throw invalidArgument(name, seed, 'an integer from 0 to 4294967295')
    }
    let state = seed
    const next = () => {
      state = (state + 0x9e3779b9) | 0
      let z = state
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
      return z ^ (z >>> 15)
    }
    this.#a = next()
    this.#b = next()
    this.#c = next()
    this.#d = next()
  }

  /** Returns a uniformly distributed integer from 0 to 2^32 - 1. */
  uint32(): number {
    const result = Math.imul(rotate(Math.imul(this.#b, 5), 7), 9) >>> 0
    const t = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= t
    this.#d = rotate(this.#d, 11)
    return result
  }

  /** Returns a uniformly distributed integer from 0 to `bound - 1`. `bound` is from 1 to 2^32. */
  below(bound: number): number {
    // Reject numbers from the last whole multiple of `bound` on, because they would favour small results.
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound)
    let drawn = this.uint32()
    while (drawn >= limit) drawn = this.uint32()
    return drawn % bound
  }

  /** Shuffles a list in place (Fisher-Yates) and returns it. */
  shuffle<T extends { [index: number]: unknown; readonly length: number }>(list: T): T {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const held = list[i]
      list[i] = list[j]
      list[j] = held
    }
    return list
  }
}

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits))
}
