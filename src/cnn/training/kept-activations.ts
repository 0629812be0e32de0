import type { Random } from '../../core/random.ts'
import type { ImageInput } from '../../image/image-input.ts'
import { outputSize } from '../../image/preprocess.ts'
import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import type { Network } from '../runtime.ts'
import { applyView, drawView, type TensorSize, unchanged, type View } from './augment.ts'
import { eachTensors } from './decoded-images.ts'
import { keptRows, type Precision } from './kept-rows.ts'

/** What a training reads in each epoch: the tensors that the tail takes, for each image. */
export interface TrainingData {
  /**
   * Writes the tensors of some images.
   *
   * @param to one buffer for each tensor that the tail takes, [rows, ...]
   */
  gather(epoch: number, rows: Int32Array, to: readonly Float32Array[]): void
}

/** The network below the layer, and where the images come from. */
export interface ActivationSource {
  images: readonly ImageInput[]
  preprocess: ResolvedPreprocess
  /** `undefined` if the tail takes the images themselves. */
  front: Network | undefined
  /** Name of the image input. */
  input: string
  /** Batch size, if the model fixes it. */
  batch: number | undefined
  /** The tensors that the tail reads, with their number of values for each image. */
  kept: readonly { name: string; size: number }[]
}

/** How images are changed at random, and how many views of each are kept. */
export interface ViewPlan {
  flip: boolean
  shift: number
  /** Epoch e uses view e modulo this number. If the tail reads the images themselves, each has a new view in every epoch. */
  views: number
  random: Random
  /** How what is kept is rounded. */
  precision: Precision
}

const imagesAtOnce = 8

/**
 * Decodes the images and runs them through the network below the layer, once for each view.
 *
 * @throws {SoftmarginError} as `eachTensors`, and the errors of the network
 */
export async function keepActivations(
  source: ActivationSource,
  plan: ViewPlan,
  o: { signal: AbortSignal | undefined; onImages: (done: number) => void },
): Promise<TrainingData> {
  const { width, height } = outputSize(source.preprocess)
  const size: TensorSize = { channels: source.preprocess.mean.length, height, width }
  return source.front ? activationsOf(source, source.front, plan, size, o) : imagesOf(source, plan, size, o)
}

async function imagesOf(
  { images, preprocess }: ActivationSource,
  { flip, shift, random, precision }: ViewPlan,
  size: TensorSize,
  o: { signal: AbortSignal | undefined; onImages: (done: number) => void },
): Promise<TrainingData> {
  const length = size.channels * size.height * size.width
  const all = keptRows(images.length, length, precision)
  const image = new Float32Array(length)
  await eachTensors(images, preprocess, { most: imagesAtOnce, ...o }, (tensors, first, count) => {
    all.put(tensors, first)
    o.onImages(first + count)
  })
  return {
    gather: (_, rows, [to]) => {
      for (const [i, row] of rows.entries()) {
        all.take(row, image)
        applyView(image, to.subarray(i * length), size, drawView(random, flip, shift, size))
      }
    },
  }
}

async function activationsOf(
  { images, preprocess, input, batch, kept }: ActivationSource,
  front: Network,
  plan: ViewPlan,
  size: TensorSize,
  o: { signal: AbortSignal | undefined; onImages: (done: number) => void },
): Promise<TrainingData> {
  const { flip, shift, views, random, precision } = plan
  const length = size.channels * size.height * size.width
  const stores = kept.map((one) =>
    Array.from({ length: views }, () => keptRows(images.length, one.size, precision)),
  )
  const most = batch ?? imagesAtOnce
  const changed = new Float32Array(most * length)
  await eachTensors(images, preprocess, { most, ...o }, async (tensors, first, count) => {
    for (let view = 0; view < views; view++) {
      for (let i = 0; i < count; i++) {
        const one: View = flip || shift > 0 ? drawView(random, flip, shift, size) : unchanged
        applyView(tensors.subarray(i * length, (i + 1) * length), changed.subarray(i * length), size, one)
      }
      const used = batch ?? count
      const dims = [used, size.channels, size.height, size.width]
      const answers = await front.run(input, changed.subarray(0, used * length), dims)
      for (const [k, { name, size: each }] of kept.entries()) {
        const data = name === input ? changed : answers.get(name)!.data
        stores[k][view].put(data.subarray(0, count * each), first)
      }
    }
    o.onImages(first + count)
  })
  return {
    gather: (epoch, rows, to) => {
      for (const [k, { size: each }] of kept.entries()) {
        const store = stores[k][epoch % views]
        for (const [i, row] of rows.entries()) store.take(row, to[k].subarray(i * each, (i + 1) * each))
      }
    },
  }
}
