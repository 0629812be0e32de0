import { tensorLength } from '../../image/tensor.ts'
import type { ImageCall } from './image-call.ts'
import type { NetworkToRun } from './run-batch.ts'
import { TensorBatch } from './tensor-batch.ts'

/** Consecutive images of one call in a batch. */
export interface ImageRange {
  call: ImageCall
  /** Index of the first image among those of the call. */
  index: number
  count: number
}

/** Adds an image behind the last range: to it if it continues it, otherwise as a range of its own. */
export function addToRanges(ranges: ImageRange[], call: ImageCall, index: number): void {
  const last = ranges.at(-1)
  if (last?.call === call && last.index + last.count === index) last.count++
  else ranges.push({ call, index, count: 1 })
}

/** Preprocessed images, of one or several calls, that are run through the network together. */
export class Batch extends TensorBatch {
  /** In the order of the images in `data`. */
  readonly ranges: ImageRange[] = []

  /** The calls that still wait for this batch. */
  get pendingCalls(): ImageCall[] {
    return [...new Set(this.ranges.map(({ call }) => call))].filter((call) => !call.isSettled)
  }

  /** Adds the image written to `slot()` to the batch. */
  add(call: ImageCall, index: number): void {
    this.addSlot()
    addToRanges(this.ranges, call, index)
  }
}

/** A network and what is known of it. */
export interface BatchedNetwork extends NetworkToRun {
  /** Whether the graph guarantees that an image's result does not depend on the other images in the batch. */
  isIndependent: boolean
}

/** Which images may be run together, by what is known of the network so far. */
export class BatchRules {
  readonly #fixedSize: number | undefined
  /** Numbers of a preprocessed image. */
  readonly length: number
  /** Whether an image's result depends on that image alone; `undefined` until tested. */
  isIndependent: boolean | undefined
  /** Whether a batch may hold images of several calls. */
  mayMix = true

  constructor({ port, preprocess, isIndependent }: BatchedNetwork) {
    this.#fixedSize = port.batch
    this.length = tensorLength(preprocess)
    // `false` only means unproven, so the first batch of several images tests it.
    this.isIndependent = isIndependent || undefined
  }

  /** Maximum size of a batch that contains images of this call. */
  maxBatchSize(call: ImageCall): number {
    if (this.isIndependent === false) return 1
    return this.#fixedSize ?? call.batchSize
  }
}
