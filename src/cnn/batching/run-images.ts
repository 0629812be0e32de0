import type { LongCall } from '../../core/call-options.ts'
import { invalidArgument, SoftmarginError, throwIfAborted } from '../../core/errors.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { ImageInput } from '../../image/image-input.ts'
import { tensorLength } from '../../image/tensor.ts'
import { BatchQueue, type Network } from './batch-queue.ts'
import { ImageCall } from './image-call.ts'

export type { Tap } from './feature-rows.ts'

/** What every call over images takes. `onProgress` counts images. */
export interface ExtractOptions extends LongCall {
  /**
   * How many images go through the network at once. It changes the speed and the memory, not the features. On
   * WebAssembly the thread does nothing else while a batch runs.
   * Default: as many as need some 64 MB for their activations, at most 8 on WebAssembly and 64 on a GPU.
   */
  batchSize?: number | undefined
  /**
   * Called for each image that cannot be read (`IMAGE_UNREADABLE`, `FILE_UNREADABLE`), which is then left out:
   * the answer has a row less, and the rows after it move up. Without it the first such image ends the call.
   */
  onUnreadable?: ((index: number, error: SoftmarginError) => void) | undefined
}

/** The most images of a batch where nobody asks for more: larger ones are no faster on WebAssembly. */
const MOST = { wasm: 8, webgpu: 64 }

/** A network and the calls on it. */
export class Pipeline {
  readonly #network: Network
  readonly #largestLayer: number | undefined
  readonly #queue: BatchQueue

  /** @param largestLayer the bytes of the largest activation that one image has on its way, where that is known */
  constructor(network: Network, largestLayer: number | undefined) {
    this.#network = network
    this.#largestLayer = largestLayer
    this.#queue = new BatchQueue(network)
  }

  /**
   * Decodes images, runs them through the network and pools what comes out at each tap. Calls beside each other
   * share batches; each has the bits that it would have alone.
   *
   * @returns for each tap a matrix with a row for each image
   */
  async run(images: readonly ImageInput[], options: ExtractOptions = {}): Promise<Matrix[]> {
    const { signal, onProgress, onUnreadable, batchSize = this.#defaultBatchSize() } = options
    if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
      throw invalidArgument('batchSize', batchSize, 'an integer of 1 or more')
    }
    checkImages(images)
    throwIfAborted(signal)
    const { preprocess, taps } = this.#network
    const call = new ImageCall(images, preprocess, taps, { batchSize, signal, onProgress, onUnreadable })
    await this.#queue.run(call)
    return call.result
  }

  /**
   * How many images fit into a batch whose activations take some 64 MB: the input and output of a layer, and what a
   * shortcut keeps.
   */
  #defaultBatchSize(): number {
    const { preprocess, session } = this.#network
    const bytes = this.#largestLayer ?? 16 * 4 * tensorLength(preprocess)
    return Math.max(1, Math.min(MOST[session.device], Math.floor(2 ** 26 / (3 * bytes))))
  }
}

function checkImages(images: readonly ImageInput[]): void {
  if (!Array.isArray(images)) throw invalidArgument('images', images, 'an array of images')
  if (images.length > 0) return
  const expected = 'at least one image'
  const details = { argument: 'images', received: 0, expected }
  throw new SoftmarginError('EMPTY_INPUT', `images must hold ${expected}, but is empty`, details)
}
