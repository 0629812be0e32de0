// The work of a thread on images: decoding, resizing, the network and pooling together; or decoding and resizing alone.

import type { ThreadWork } from '../../engine/wasm/job.ts'
import type { TimeSlice } from '../../engine/wasm/time-slice.ts'
import { type CustomAsset, type CustomAssetName, useAssets } from '../../host/assets.ts'
import { type SerializedError, serializeError } from '../../host/serialize-error.ts'
import type { OpenedImage } from '../../image/image-input.ts'
import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import { tensorLength } from '../../image/tensor.ts'
import type { ImageViews } from '../augmentation/image-views.ts'
import type { ImageTensorInput } from '../image-tensor-input.ts'
import type { NetworkCopy } from '../network-copy.ts'
import { startCopy } from '../start-network.ts'
import { type PooledRows, poolTap, type Tap } from './feature-rows.ts'
import { decodeInto, isUnreadable } from './image-reader.ts'
import { runBatch, tapsOfViews } from './run-batch.ts'
import { TensorBatch } from './tensor-batch.ts'

/** The data with which a thread is prepared for its jobs. */
export interface ImageContext {
  /** Absent if the network cannot run in other threads; then images are prepared for it only. */
  copy: NetworkCopy | undefined
  port: ImageTensorInput
  preprocess: ResolvedPreprocess
  taps: Tap[]
  /** As in `NetworkToRun`. */
  views: ImageViews | undefined
  /** Dimensions of the smallest batch that the network accepts. */
  dims: readonly number[]
  /** The files that the application supplied with `useAssets`. */
  assets: { [Name in CustomAssetName]?: CustomAsset }
}

/** Images that are run through the network together. */
export interface ImageJob {
  images: { opened: OpenedImage; argument: string }[]
}

/** The result of an `ImageJob`. */
export interface ImageJobResult {
  /** The errors of images that cannot be read, by their position in the job. */
  errors: Map<number, SerializedError>
  /** For each of `tapsOfViews`, the rows of the other images, in order. Empty if there are none. */
  rows: PooledRows[]
  /** Without a copy of the network: the preprocessed images one after the other, in order, and unused space. */
  tensors?: Float32Array | undefined
}

export const imageWork: ThreadWork<ImageContext, ImageJob, ImageJobResult> = {
  async open({ copy, port, preprocess, taps, views, dims, assets }) {
    useAssets(assets)
    const session = copy && (await startCopy(copy, port, dims))
    const network = session && { session, port, preprocess, taps, views }
    const length = tensorLength(preprocess)
    let spare: Float32Array | undefined
    const run = async ({ images }: ImageJob, slice: TimeSlice): Promise<ImageJobResult> => {
      const batch = new TensorBatch(length, spare)
      const errors = new Map<number, SerializedError>()
      for (const [place, { opened, argument }] of images.entries()) {
        try {
          await decodeInto(opened, argument, preprocess, batch.slot())
          batch.addSlot()
        } catch (error) {
          // Any other error is not the image's fault; the owner of the thread retries the job on its own thread.
          if (!isUnreadable(error)) throw error
          errors.set(place, serializeError(error))
        }
      }
      if (batch.count === 0) return { errors, rows: [] }
      if (!network) return { errors, rows: [], tensors: batch.data }
      const activations = await runBatch(network, batch, { slice })
      spare = batch.data
      return { errors, rows: tapsOfViews(network).map((tap, i) => poolTap(tap, activations[i], batch.count)) }
    }
    const transferOf = ({ tensors }: ImageJobResult) => (tensors ? [tensors.buffer as ArrayBuffer] : [])
    return { run, transferOf, close: () => void session?.release() }
  },
}
