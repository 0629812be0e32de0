import type { Engine, Region } from './engine.ts'

/** Regions of an engine's shared memory, each for one thread at a time. They are freed with the engine. */
export class Regions {
  readonly #engine: Engine
  readonly #bytes: number
  readonly #free: Region[] = []

  /** @param bytes the size of each region */
  constructor(engine: Engine, bytes: number) {
    this.#engine = engine
    this.#bytes = bytes
  }

  /** @throws {SoftmarginError} `OUT_OF_MEMORY` */
  take(): Region {
    return this.#free.pop() ?? this.#engine.allocateRegion(this.#bytes)
  }

  /** Returns a region to which no thread writes any more. */
  release(region: Region): void {
    this.#free.push(region)
  }
}
