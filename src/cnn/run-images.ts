import { invalidArgument, SoftmarginError, throwIfAborted } from '../errors.ts'
import { yieldToHost } from '../host/yield.ts'
import type { ImageInput } from '../image/input.ts'
import { outputSize, type ResolvedPreprocess } from '../image/preprocess.ts'
import { tensorLength } from '../image/tensor.ts'
import { Matrix } from '../matrix.ts'
import type { LongCall } from '../progress.ts'
import type { ImagePort } from './image-port.ts'
import { ImageReader } from './image-reader.ts'
import { checkRows, type Pooling, pool, pooledSize, type ResolvedPooling, resolvePooling } from './pool.ts'
import type { Network } from './runtime.ts'
import type { Activation } from './session.ts'

/** What every call over images takes. `onProgress` counts images. */
export interface ExtractOptions extends LongCall {
  /**
   * How many images go through the network at once. It changes the speed and the memory, not the features.
   * Default: as many as need some 64 MB for their activations, at most 64.
   */
  batchSize?: number
  /**
   * Called for each image that cannot be read (`IMAGE_UNREADABLE`, `FILE_UNREADABLE`), which is then left out:
   * the answer has a row less, and the rows after it move up. Without it the first such image ends the call.
   */
  onUnreadable?: (index: number, error: SoftmarginError) => void
}

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

/** A network that is ready for images. */
export interface Pipeline {
  /** Its outputs are the taps' layers. */
  session: Network
  port: ImagePort
  preprocess: ResolvedPreprocess
  /** The bytes of the largest activation that one image has on its way, where that is known. */
  largestLayer?: number | undefined
}

/**
 * Decodes images, runs them through the network in batches and pools what comes out at each tap.
 *
 * While a batch runs, files are read and decoded for the next one: at the same time where the network runs elsewhere
 * than on this thread, in turns where it does not.
 *
 * @returns for each tap a matrix with a row for each image
 */
export async function runImages(
  pipeline: Pipeline,
  taps: Tap[],
  images: ImageInput[],
  options: ExtractOptions = {},
): Promise<Matrix[]> {
  const { port, preprocess } = pipeline
  const { signal, onProgress } = options
  const length = tensorLength(preprocess)
  const batchSize = port.batch ?? options.batchSize ?? defaultBatchSize(pipeline)
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw invalidArgument('batchSize', batchSize, 'an integer of 1 or more')
  }
  checkImages(images)
  const numbers = Math.min(batchSize, port.batch ?? images.length) * length
  const rows = taps.map((tap) => new Rows(tap, images.length))
  const reader = new ImageReader(images, preprocess, options)
  let free = new Float32Array(numbers)
  let busy = images.length > batchSize ? new Float32Array(numbers) : free
  let running: Promise<void> = Promise.resolve()
  try {
    while (reader.next < images.length) {
      const batch = free
      const filled = await reader.fill(batch)
      const done = reader.next
      await running
      throwIfAborted(signal)
      free = busy
      busy = batch
      running = runBatch(pipeline, rows, batch, filled).then(() =>
        onProgress?.({ done, total: images.length }),
      )
      // Looked at further down; until then a failure is nobody's.
      running.catch(() => {})
      await yieldToHost()
    }
    await running
  } finally {
    // The buffers are the runtime's until it is through with them.
    await running.catch(() => {})
  }
  throwIfAborted(signal)
  return rows.map((one) => one.matrix())
}

async function runBatch(
  { session, port, preprocess }: Pipeline,
  rows: Rows[],
  batch: Float32Array,
  filled: number,
): Promise<void> {
  if (filled === 0) return
  const { width, height } = outputSize(preprocess)
  // A model with a fixed batch gets it full; what the spare slots hold does not matter.
  const size = port.batch ?? filled
  const dims = [size, preprocess.mean.length, height, width]
  const numbers = dims.reduce((all, n) => all * n, 1)
  const activations = await session.run(port.name, batch.subarray(0, numbers), dims)
  for (const one of rows) one.add(activations.get(one.tap.layer)!, size, filled)
}

/** The rows of one tap as they come in. */
class Rows {
  readonly tap: Tap
  readonly #most: number
  #pooling: ResolvedPooling | undefined
  #shape: readonly number[] | undefined
  #cols = 0
  #count = 0
  #data: Float32Array = new Float32Array(0)

  constructor(tap: Tap, most: number) {
    this.tap = tap
    this.#most = most
  }

  /** Pools the first `count` images of a batch of `size`. */
  add(activation: Activation, size: number, count: number): void {
    this.#shape ??= this.tap.shape ?? activation.dims.slice(1)
    checkRows(activation, this.tap.layer, size, this.#shape)
    if (!this.#pooling) {
      this.#pooling = resolvePooling(this.tap.pooling, activation.dims, this.tap.argument)
      this.#cols = pooledSize(this.#pooling, activation.dims)
      this.#data = allocate(this.#most, this.#cols)
    }
    pool(activation, this.#pooling, count, this.#data.subarray(this.#count * this.#cols))
    this.#count += count
  }

  matrix(): Matrix {
    if (this.#count === 0) {
      throw new SoftmarginError('IMAGE_UNREADABLE', `none of the ${this.#most} images can be read`, {
        argument: 'images',
        expected: 'at least one readable image',
      })
    }
    const used = this.#count * this.#cols
    const data = used === this.#data.length ? this.#data : this.#data.slice(0, used)
    return new Matrix(data, this.#count, this.#cols)
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

function checkImages(images: ImageInput[]): void {
  if (!Array.isArray(images)) throw invalidArgument('images', images, 'an array of images')
  if (images.length > 0) return
  const expected = 'at least one image'
  const details = { argument: 'images', received: 0, expected }
  throw new SoftmarginError('EMPTY_INPUT', `images must hold ${expected}, but is empty`, details)
}

/**
 * How many images fit into a batch whose activations take some 64 MB: the input and output of a layer, and what a
 * shortcut keeps. Larger batches are next to no faster.
 */
function defaultBatchSize({ preprocess, largestLayer }: Pipeline): number {
  const bytes = largestLayer ?? 16 * 4 * tensorLength(preprocess)
  return Math.max(1, Math.min(64, Math.floor(2 ** 26 / (3 * bytes))))
}
