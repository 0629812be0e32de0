import type { LongCall } from '../../core/call-options.ts'
import { invalidArgument, SoftmarginError, throwIfAborted } from '../../core/errors.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { ImageInput } from '../../image/image-input.ts'
import { tensorLength } from '../../image/tensor.ts'
import type { BatchedNetwork } from './batch.ts'
import { BatchQueue } from './batch-queue.ts'
import { type ExtractProgress, ImageCall } from './image-call.ts'
import { LazyImageThreads } from './lazy-image-threads.ts'
import { tapsOfViews } from './run-batch.ts'

export type { Tap } from './feature-rows.ts'
export type { ExtractProgress } from './image-call.ts'

/** Options of every call that extracts features from images. `onProgress` counts images. */
export interface ExtractOptions extends LongCall<ExtractProgress> {
  /**
   * Number of images per network run. It affects speed and memory use, not the features. On WebAssembly a run
   * blocks the thread until the batch is done. Default: as many images as fit in about 64 MB of activations,
   * at most 8 on WebAssembly and 64 on a GPU.
   */
  batchSize?: number | undefined
  /**
   * Called for each image that cannot be read (`IMAGE_UNREADABLE`, `FILE_UNREADABLE`). The image is skipped:
   * the result has one row fewer, and the following rows move up. Without this callback the first unreadable
   * image makes the call fail.
   */
  onUnreadable?: ((index: number, error: SoftmarginError) => void) | undefined
}

/** Maximum default batch size. Larger batches are no faster on WebAssembly, nor natively on a CPU. */
const MAX_BATCH_SIZE = { wasm: 8, webgpu: 64, given: 8 }

/** A network and the queue of calls on it. */
export class Pipeline {
  readonly #network: BatchedNetwork
  readonly #largestLayer: number | undefined
  readonly #queue: BatchQueue
  readonly #threads: LazyImageThreads

  /**
   * @param largestLayer size in bytes of the largest activation of one image, if known
   * @param dims dimensions of the smallest batch that the network accepts
   * @param threads number of threads, including this one
   */
  constructor(
    network: BatchedNetwork,
    o: { largestLayer: number | undefined; dims: readonly number[]; threads: number },
  ) {
    this.#network = network
    this.#largestLayer = o.largestLayer
    this.#threads = new LazyImageThreads(network, o.dims, o.threads)
    this.#queue = new BatchQueue(network, this.#threads)
  }

  /** Frees what other threads hold of the network. The network itself is the caller's. */
  close(): void {
    this.#threads.close()
  }

  /**
   * Decodes images, runs them through the network and pools the output of each tap. Concurrent calls share
   * batches; each gets bit-identical results to running alone.
   *
   * @returns one matrix for each of `tapsOfViews`, with one row per image
   */
  async run(images: readonly ImageInput[], options: ExtractOptions = {}): Promise<Matrix[]> {
    const { signal, onProgress, onUnreadable, batchSize = this.#defaultBatchSize() } = options
    if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
      throw invalidArgument('batchSize', batchSize, 'an integer of 1 or more')
    }
    checkImages(images)
    throwIfAborted(signal)
    const { preprocess } = this.#network
    const taps = tapsOfViews(this.#network)
    const call = new ImageCall(images, preprocess, taps, { batchSize, signal, onProgress, onUnreadable })
    await this.#queue.run(call)
    return call.result
  }

  /**
   * Number of images whose activations fit in about 64 MB: the input and output of a layer, and one tensor
   * held for a shortcut connection.
   */
  #defaultBatchSize(): number {
    const { preprocess, session } = this.#network
    const bytes = this.#largestLayer ?? 16 * 4 * tensorLength(preprocess)
    return Math.max(1, Math.min(MAX_BATCH_SIZE[session.device], Math.floor(2 ** 26 / (3 * bytes))))
  }
}

function checkImages(images: readonly ImageInput[]): void {
  if (!Array.isArray(images)) throw invalidArgument('images', images, 'an array of images')
  if (images.length > 0) return
  const expected = 'at least one image'
  const details = { argument: 'images', received: 0, expected }
  throw new SoftmarginError('EMPTY_INPUT', `images must hold ${expected}, but is empty`, details)
}
