import type { ImageCall } from './image-call.ts'

/** Images of one call that lie side by side in a batch. */
export interface Share {
  call: ImageCall
  /** The row that the first of them becomes. */
  row: number
  count: number
}

/** Prepared images, of one call or of several, that go through the network at once. */
export class Batch {
  /** In the order of the images in `data`. */
  readonly shares: Share[] = []
  /** How far each call is with this batch; see `ImageCall.tell`. */
  readonly positions = new Map<ImageCall, number>()
  readonly #length: number
  #data: Float32Array
  #count = 0

  /**
   * @param length numbers an image
   * @param room of an earlier batch, to be written over
   */
  constructor(length: number, room: Float32Array = new Float32Array(length)) {
    this.#length = length
    this.#data = room
  }

  /** How many images it holds. */
  get count(): number {
    return this.#count
  }

  /** The images, and behind them what is not used. */
  get data(): Float32Array {
    return this.#data
  }

  /** The calls that still wait for it. */
  get members(): ImageCall[] {
    return [...new Set(this.shares.map(({ call }) => call))].filter((call) => !call.isSettled)
  }

  /** Makes room for images, at least. What is there stays. */
  reserve(images: number): void {
    if (images * this.#length <= this.#data.length) return
    const room = new Float32Array(images * this.#length)
    room.set(this.#data)
    this.#data = room
  }

  /** The place of the next image. */
  slot(): Float32Array {
    if ((this.#count + 1) * this.#length > this.#data.length) this.reserve(2 * Math.max(1, this.#count))
    return this.#data.subarray(this.#count * this.#length, (this.#count + 1) * this.#length)
  }

  /** Takes the image in `slot()` up. */
  add(call: ImageCall, row: number): void {
    this.#count++
    const last = this.shares.at(-1)
    if (last?.call === call && last.row + last.count === row) last.count++
    else this.shares.push({ call, row, count: 1 })
  }

  /** One image of it as a batch. */
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

  /** The images of each call as a batch of their own. */
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

  /** Each image as a batch of its own. The last one of a call tells how far the call is. */
  singles(): Batch[] {
    const parts = Array.from({ length: this.#count }, (_, i) => this.single(i))
    for (const [call, position] of this.positions) {
      parts.findLast(({ shares }) => shares[0].call === call)?.positions.set(call, position)
    }
    return parts
  }
}
