import { roundUp } from './maps.ts'

const ALIGNMENT = 64

/** A piece of memory that is in use from one operation to another. Its address is known when all are placed. */
export interface Buffer {
  bytes: number
  /** The operation that writes it first: -1 for the network's input. */
  from: number
  /** The last one that reads it. */
  to: number
  address: number
}

/** Something that stays: weights, tables. It is written when the memory is there. */
interface Fixture {
  address: number
  bytes: number
  write: (memory: ArrayBuffer, address: number) => void
}

/**
 * Where everything lies, settled before any memory is taken: first what stays, then buffers that are used again as soon
 * as nobody reads them any more.
 */
export class MemoryPlan {
  readonly #fixtures: Fixture[] = []
  readonly #known = new Map<string, number>()
  readonly #buffers: Buffer[] = []
  /** 0 stands for 'none', so nothing lies there. */
  #end = ALIGNMENT

  /** Takes room for what stays. */
  fix(bytes: number, write: Fixture['write']): number {
    const address = this.#end
    this.#fixtures.push({ address, bytes, write })
    this.#end = roundUp(address + bytes, ALIGNMENT)
    return address
  }

  /** The same for what several operations may share: it is kept once under its key. */
  share(key: string, bytes: number, write: Fixture['write']): number {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const address = this.fix(bytes, write)
    this.#known.set(key, address)
    return address
  }

  floats(length: number, write: (to: Float32Array) => void): number {
    return this.fix(length * 4, (memory, address) => write(new Float32Array(memory, address, length)))
  }

  buffer(bytes: number, from: number, to = from): Buffer {
    const made = { bytes: roundUp(bytes, ALIGNMENT), from, to, address: 0 }
    this.#buffers.push(made)
    return made
  }

  /**
   * Gives every buffer its address: the largest first, each at the lowest place that is free while it is in use.
   *
   * @returns the bytes of memory that all takes
   */
  place(): number {
    const placed: Buffer[] = []
    let end = this.#end
    for (const one of [...this.#buffers].sort((a, b) => b.bytes - a.bytes)) {
      const others = placed
        .filter(({ from, to }) => from <= one.to && to >= one.from)
        .sort((a, b) => a.address - b.address)
      let address = this.#end
      for (const other of others) {
        if (other.address - address >= one.bytes) break
        address = Math.max(address, other.address + other.bytes)
      }
      one.address = address
      placed.push(one)
      end = Math.max(end, address + one.bytes)
    }
    // Kernels read whole vectors, also where the last map ends.
    return end + ALIGNMENT
  }

  /** Writes what stays. */
  write(memory: ArrayBuffer): void {
    for (const { address, write } of this.#fixtures) write(memory, address)
  }
}
