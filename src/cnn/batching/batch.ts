import type { ImageCall } from './image-call.ts'

/** Consecutive images of one call in a batch. */
export interface Share {
  call: ImageCall
  /** Row of the result that the first of them becomes. */
  row: number
  count: number
}

/** Preprocessed images, of one or several calls, that are run through the network together. */
export class Batch {
  /** In the order of the images in `data`. */
  readonly shares: Share[] = []
  /** For each call, its position once this batch is delivered; see `ImageCall.tell`. */
  readonly positions = new Map<ImageCall, number>()
  readonly #length: number
  #data: Float32Array
  #count = 0

  /**
   * @param length numbers per image
   * @param room buffer of an earlier batch to reuse
   */
  constructor(length: number, room: Float32Array = new Float32Array(length)) {
    this.#length = length
    this.#data = room
  }

  /** Number of images in the batch. */
  get count(): number {
    return this.#count
  }

  /** The images, followed by unused space. */
  get data(): Float32Array {
    return this.#data
  }

  /** The calls that still wait for this batch. */
  get members(): ImageCall[] {
    return [...new Set(this.shares.map(({ call }) => call))].filter((call) => !call.isSettled)
  }

  /** Ensures capacity for at least `images` images and keeps the existing ones. */
  reserve(images: number): void {
    if (images * this.#length <= this.#data.length) return
    const room = new Float32Array(images * this.#length)
    room.set(this.#data)
    this.#data = room
  }

  /** Buffer for the next image. */
  slot(): Float32Array {
    if ((this.#count + 1) * this.#length > this.#data.length) this.reserve(2 * Math.max(1, this.#count))
    return this.#data.subarray(this.#count * this.#length, (this.#count + 1) * this.#length)
  }

  /** Adds the image written to `slot()` to the batch. */
  add(call: ImageCall, row: number): void {
    this.#count++
    const last = this.shares.at(-1)
    if (last?.call === call && last.row + last.count === row) last.count++
    else this.shares.push({ call, row, count: 1 })
  }

  /** A new batch with one image of this batch. */
  single(index: number): Batch {
    const batch = new Batch(this.#length)
    batch.slot().set(this.#data.subarray(index * this.#length, (index + 1) * this.#length))
    let at = index
    for (const { call, row, count } of this.shares) {
      if (at < count) {
        batch.add(call, row + at)
        break
      }
      at -= count
    }
    return batch
  }

  /** Splits the batch into one batch per call. */
  byCall(): Batch[] {
    const parts = new Map<ImageCall, Batch>()
    let at = 0
    for (const { call, row, count } of this.shares) {
      const part = parts.get(call) ?? new Batch(this.#length)
      parts.set(call, part)
      for (let i = 0; i < count; i++, at++) {
        part.slot().set(this.#data.subarray(at * this.#length, (at + 1) * this.#length))
        part.add(call, row + i)
      }
      part.positions.set(call, this.positions.get(call)!)
    }
    return [...parts.values()]
  }

  /** Splits the batch into one batch per image. The last image of each call carries the call's position. */
  singles(): Batch[] {
    const parts = Array.from({ length: this.#count }, (_, i) => this.single(i))
    for (const [call, position] of this.positions) {
      parts.findLast(({ shares }) => shares[0].call === call)?.positions.set(call, position)
    }
    return parts
  }
}
