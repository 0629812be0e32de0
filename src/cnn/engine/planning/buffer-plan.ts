import type { Kernels } from '../wasm/cnn-exports.ts'
import type { Instance } from '../wasm/instance.ts'
import { roundUp } from './maps.ts'

const ALIGNMENT = 64

/** A buffer that is live from one operation to another. Its address is assigned by `place`. */
export interface Buffer {
  bytes: number
  /** Index of the operation that first writes it; -1 for the network's input. */
  from: number
  /** Index of the last operation that reads it. */
  to: number
  address: number
}

/** A region for sums over passes, which no buffer overlaps. Its address is assigned by `place`. */
export interface Sums {
  bytes: number
  address: number
}

/** A permanent region such as weights or tables, written once memory is allocated. */
export interface Fixture {
  address: number
  bytes: number
  /** @param staging address of the memory that `stage` asked for */
  write: (memory: ArrayBuffer, address: number, staging: number, kernels: Kernels) => void
  /** Whether it is written again between runs. */
  isMutable: boolean
}

/**
 * Plans all memory before any is allocated: first the permanent regions, then the buffers, whose memory is
 * reused once they are no longer live.
 */
export class MemoryPlan {
  readonly #fixtures: Fixture[] = []
  readonly #known = new Map<string, number>()
  readonly #buffers: Buffer[] = []
  readonly #sums: Sums[] = []
  /** Memory that writing needs, where the buffers are later. */
  #staged = 0
  /** Address 0 means 'none', so nothing is placed there. */
  #end = ALIGNMENT

  /** Reserves a permanent region. @param isMutable whether it changes between runs. Default false */
  fix(bytes: number, write: Fixture['write'], isMutable = false): number {
    const address = this.#end
    this.#fixtures.push({ address, bytes, write, isMutable })
    this.#end = roundUp(address + bytes, ALIGNMENT)
    return address
  }

  /** Like `fix`, for a region that operations share: it is stored once per key. */
  share(key: string, bytes: number, write: Fixture['write']): number {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const address = this.fix(bytes, write)
    this.#known.set(key, address)
    return address
  }

  /** Asks for memory that is free while the permanent regions are written. */
  stage(bytes: number): void {
    this.#staged = Math.max(this.#staged, bytes)
  }

  /** A region of numbers. @param isMutable as for `fix` */
  floats(length: number, write: (to: Float32Array) => void, isMutable = false): number {
    const put: Fixture['write'] = (memory, address) => write(new Float32Array(memory, address, length))
    return this.fix(length * 4, put, isMutable)
  }

  buffer(bytes: number, from: number, to = from): Buffer {
    const made = { bytes: roundUp(bytes, ALIGNMENT), from, to, address: 0 }
    this.#buffers.push(made)
    return made
  }

  /** A region for sums. All of them lie side by side in front of the buffers, from where `place` is told to start. */
  sums(length: number): Sums {
    const made = { bytes: roundUp(length * 4, ALIGNMENT), address: 0 }
    this.#sums.push(made)
    return made
  }

  /** Size of all regions for sums. */
  get sumBytes(): number {
    return this.#sums.reduce((all, { bytes }) => all + bytes, 0)
  }

  /** The end of the permanent regions. */
  get fixedBytes(): number {
    return this.#end
  }

  /** The end of the memory that is needed to write the permanent regions: staging lies behind them. */
  get writingBytes(): number {
    return this.#end + this.#staged
  }

  /**
   * Assigns an address to the sums and to every buffer: largest first, each at the lowest address that is free during
   * its lifetime.
   *
   * @param at where the sums begin. Default: behind the permanent regions
   * @returns the end of the buffers: the total memory in bytes
   */
  place(at = this.#end): number {
    let start = at
    for (const one of this.#sums) {
      one.address = start
      start += one.bytes
    }
    const placed: Buffer[] = []
    let end = start
    for (const one of [...this.#buffers].sort((a, b) => b.bytes - a.bytes)) {
      const others = placed
        .filter(({ from, to }) => from <= one.to && to >= one.from)
        .sort((a, b) => a.address - b.address)
      let address = start
      for (const other of others) {
        if (other.address - address >= one.bytes) break
        address = Math.max(address, other.address + other.bytes)
      }
      one.address = address
      placed.push(one)
      end = Math.max(end, address + one.bytes)
    }
    // Kernels read whole vectors, possibly past the end of the last map.
    return end + ALIGNMENT
  }

  /** Writes the permanent regions. */
  write({ memory, kernels }: Instance): void {
    for (const { address, write } of this.#fixtures) write(memory, address, this.#end, kernels)
  }

  /** The permanent regions that change between runs. */
  get mutable(): readonly Fixture[] {
    return this.#fixtures.filter(({ isMutable }) => isMutable)
  }
}
