import { roomFor } from '../../core/errors.ts'

/** Preprocessed images in one growing buffer. */
export class TensorBatch {
  /** Numbers per image. */
  readonly length: number
  #data: Float32Array
  #count = 0

  /**
   * @param length numbers per image
   * @param room buffer of an earlier batch to reuse
   */
  constructor(length: number, room: Float32Array = new Float32Array(length)) {
    this.length = length
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

  /** The numbers of the batch, padded with zeros to `images` images. */
  padded(images: number): Float32Array {
    this.#reserve(images)
    const numbers = this.#data.subarray(0, images * this.length)
    return numbers.fill(0, this.#count * this.length)
  }

  /** Buffer for the next image. @throws {SoftmarginError} `OUT_OF_MEMORY` */
  slot(): Float32Array {
    if ((this.#count + 1) * this.length > this.#data.length) this.#reserve(2 * Math.max(1, this.#count))
    return this.image(this.#count)
  }

  /** Adds the image written to `slot()` to the batch. */
  addSlot(): void {
    this.#count++
  }

  /** The numbers of an image. */
  image(place: number): Float32Array {
    return this.#data.subarray(place * this.length, (place + 1) * this.length)
  }

  /** Ensures capacity for at least `images` images and keeps the existing ones. @throws {SoftmarginError} `OUT_OF_MEMORY` */
  #reserve(images: number): void {
    if (images * this.length <= this.#data.length) return
    const what = `${images} images of ${this.length} numbers`
    const make = () => new Float32Array(images * this.length)
    const room = roomFor(make, what, 'pass a smaller batchSize', 'batchSize')
    room.set(this.#data)
    this.#data = room
  }
}
