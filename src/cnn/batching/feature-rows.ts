import { SoftmarginError } from '../../core/errors.ts'
import { Matrix } from '../../core/matrix.ts'
import { type Pooling, pool, pooledSize, type ResolvedPooling, resolvePooling } from '../pool.ts'
import type { Activation } from '../session.ts'

/** A tensor of the network and how it is pooled. */
export interface Tap {
  /** The tensor's name. */
  layer: string
  pooling: Pooling
  /** What it answers for one image, without the batch, where that is known. */
  shape?: readonly number[] | undefined
  /** How the caller calls the pooling, for error messages. */
  argument?: string
}

/** The features of one call at one tap, a row for each image that can be read, as they come in. */
export class FeatureRows {
  readonly #tap: Tap
  readonly #most: number
  #pooling: ResolvedPooling | undefined
  #cols = 0
  #data: Float32Array = new Float32Array(0)

  /** @param most how many rows there can be */
  constructor(tap: Tap, most: number) {
    this.#tap = tap
    this.#most = most
  }

  /**
   * Pools some images of a batch.
   *
   * @param from the first of them in the batch
   * @param count how many, in a row
   * @param row the row that the first of them becomes
   */
  set({ data, dims }: Activation, from: number, count: number, row: number): void {
    if (!this.#pooling) {
      this.#pooling = resolvePooling(this.#tap.pooling, dims, this.#tap.argument)
      this.#cols = pooledSize(this.#pooling, dims)
      this.#data = allocate(this.#most, this.#cols)
    }
    const each = data.length / dims[0]
    const part = { data: data.subarray(from * each, (from + count) * each), dims }
    pool(part, this.#pooling, count, this.#data.subarray(row * this.#cols))
  }

  /** The first `count` rows. @throws {SoftmarginError} `IMAGE_UNREADABLE` if there is none */
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
    const message = `${rows} images of ${cols} features each do not fit in memory: extract fewer at a time, or pool`
    throw new SoftmarginError('OUT_OF_MEMORY', message, { argument: 'images', cause })
  }
}
