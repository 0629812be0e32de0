import { SoftmarginError } from '../../core/errors.ts'
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

/** Collects the features of one call at one tap, one row per readable image. */
export class FeatureRows {
  readonly #tap: Tap
  readonly #most: number
  #pooling: ResolvedPooling | undefined
  #cols = 0
  #data: Float32Array = new Float32Array(0)

  /** @param most maximum number of rows */
  constructor(tap: Tap, most: number) {
    this.#tap = tap
    this.#most = most
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
    if (!this.#pooling) {
      this.#pooling = resolvePooling(pooling, dims, arrangement, argument)
      this.#cols = pooledSize(this.#pooling, dims, arrangement)
      this.#data = allocate(this.#most, this.#cols)
    }
    const each = data.length / dims[0]
    const part = { data: data.subarray(from * each, (from + count) * each), dims }
    pool(part, this.#pooling, count, this.#data.subarray(row * this.#cols), arrangement)
  }

  /** The first `count` rows. @throws {SoftmarginError} `IMAGE_UNREADABLE` if there are none */
  matrix(count: number): Matrix {
    if (count === 0) {
      throw new SoftmarginError('IMAGE_UNREADABLE', `none of the ${this.#most} images can be read`, {
        argument: 'images',
        expected: 'at least one readable image',
      })
    }
    const used = count * this.#cols
    const data = used === this.#data.length ? this.#data : this.#data.slice(0, used)
    return new Matrix(data, count, this.#cols)
  }
}

function allocate(rows: number, cols: number): Float32Array {
  try {
    return new Float32Array(rows * cols)
  } catch (cause) {
    const message = `${rows} images of ${cols} features each do not fit in memory; extract fewer at a time, or use pooling`
    throw new SoftmarginError('OUT_OF_MEMORY', message, { argument: 'images', cause })
  }
}
