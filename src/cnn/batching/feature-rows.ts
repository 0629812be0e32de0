import { roomFor, SoftmarginError } from '../../core/errors.ts'
import { Matrix } from '../../core/matrix.ts'
import { type Pooling, pool, pooledSize, type ResolvedPooling, resolvePooling } from '../pool.ts'
import type { Activation } from '../running-network.ts'
import type { Arrangement } from '../spatial-view.ts'

/** An output tensor of the network and how it is pooled. */
export interface Tap {
  /** Name of the tensor. */
  layer: string
  pooling: Pooling
  /** Output shape for one image, without the batch dimension, if known. */
  shape?: readonly number[] | undefined
  arrangement?: Arrangement | undefined
  /** Name under which the caller passed the pooling, for error messages. */
  argument?: string
}

/** Features of consecutive images at one tap, pooled. */
export interface PooledRows {
  data: Float32Array
  cols: number
}

/**
 * Pools the activations of a whole batch at one tap.
 *
 * @param count number of images, which come first in the batch
 */
export function poolTap(tap: Tap, activation: Activation, count: number): PooledRows {
  const { pooling, arrangement, argument } = tap
  const resolved = resolvePooling(pooling, activation.dims, arrangement, argument)
  const cols = pooledSize(resolved, activation.dims, arrangement)
  const data = new Float32Array(count * cols)
  pool(activation, resolved, count, data, arrangement)
  return { data, cols }
}

/** Collects the features of one call at one tap, one row per image. */
export class FeatureRows {
  readonly #tap: Tap
  readonly #images: number
  #pooling: ResolvedPooling | undefined
  #cols = 0
  #data: Float32Array = new Float32Array(0)

  /** @param images number of images */
  constructor(tap: Tap, images: number) {
    this.#tap = tap
    this.#images = images
  }

  /**
   * Copies rows that another thread has pooled.
   *
   * @param from first of these rows
   * @param count number of rows
   * @param row row of the result that the first becomes
   */
  setPooled({ data, cols }: PooledRows, from: number, count: number, row: number): void {
    this.#allocate(cols)
    this.#data.set(data.subarray(from * cols, (from + count) * cols), row * cols)
  }

  /**
   * Pools some images of a batch.
   *
   * @param from index of the first image in the batch
   * @param count number of consecutive images
   * @param row row of the result that the first image becomes
   */
  set({ data, dims }: Activation, from: number, count: number, row: number): void {
    const { pooling, arrangement, argument } = this.#tap
    this.#pooling ??= resolvePooling(pooling, dims, arrangement, argument)
    this.#allocate(pooledSize(this.#pooling, dims, arrangement))
    const each = data.length / dims[0]
    const part = { data: data.subarray(from * each, (from + count) * each), dims }
    pool(part, this.#pooling, count, this.#data.subarray(row * this.#cols), arrangement)
  }

  /**
   * The rows of the readable images.
   *
   * @param unreadable indices of the images to leave out, in ascending order
   * @throws {SoftmarginError} `IMAGE_UNREADABLE` if none is left
   */
  matrix(unreadable: readonly number[]): Matrix {
    const count = this.#images - unreadable.length
    if (count === 0) {
      throw new SoftmarginError('IMAGE_UNREADABLE', `none of the ${this.#images} images can be read`, {
        argument: 'images',
        expected: 'at least one readable image',
      })
    }
    const cols = this.#cols
    if (count === this.#images) return new Matrix(this.#data, count, cols)
    let to = unreadable[0] * cols
    for (const [i, index] of unreadable.entries()) {
      const end = (unreadable[i + 1] ?? this.#images) * cols
      this.#data.copyWithin(to, (index + 1) * cols, end)
      to += end - (index + 1) * cols
    }
    return new Matrix(this.#data.slice(0, count * cols), count, cols)
  }

  #allocate(cols: number): void {
    if (this.#data.length > 0) return
    this.#cols = cols
    const what = `${this.#images} images of ${cols} features`
    const make = () => new Float32Array(this.#images * cols)
    this.#data = roomFor(make, what, 'extract fewer at a time, or use pooling')
  }
}
