import { type MapValue, type Operation, readsOf } from '../operations.ts'

/** Index of the producer and the readers of each map. */
export class Uses {
  readonly #makers = new Map<MapValue, Operation>()
  readonly #readers = new Map<MapValue, Operation[]>()
  readonly #outputs: Set<MapValue>

  constructor(operations: Operation[], outputs: MapValue[]) {
    this.#outputs = new Set(outputs)
    for (const operation of operations) {
      this.#makers.set(operation.output, operation)
      for (const value of readsOf(operation)) {
        const readers = this.#readers.get(value)
        if (readers) readers.push(operation)
        else this.#readers.set(value, [operation])
      }
    }
  }

  maker(value: MapValue): Operation | undefined {
    return this.#makers.get(value)
  }

  /** Number of reads of a map; being an output of the network counts as one read. */
  count(value: MapValue): number {
    return (this.#readers.get(value)?.length ?? 0) + (this.#outputs.has(value) ? 1 : 0)
  }

  /** The only operation that reads a map; `undefined` if there are several or the map is an output. */
  onlyReader(value: MapValue): Operation | undefined {
    return this.count(value) === 1 ? this.#readers.get(value)?.[0] : undefined
  }
}
