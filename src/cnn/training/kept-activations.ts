import { roomFor } from '../../core/errors.ts'
import { joinColumns } from '../../core/join-matrices.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { Precision } from '../../core/precision/float16.ts'
import { type KeptRows, keptRows } from '../../core/precision/kept-rows.ts'
import { Random } from '../../core/random.ts'
import type { ImageInput } from '../../image/image-input.ts'
import { outputSize } from '../../image/preprocess.ts'
import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import { tensorLength } from '../../image/tensor.ts'
import { applyView, drawView, type TensorSize } from '../augmentation/augment.ts'
import type { Pipeline } from '../batching/run-images.ts'
import type { RowSignature } from '../signature-parts.ts'
import type { ActivationRows, ActivationStore } from './activation-store.ts'

/** What a training reads in each epoch: the tensors that the tail takes, for each image. */
export interface TrainingData {
  /** Begins a training: what is drawn at random is drawn anew, with the same seed. */
  restart(): void
  /**
   * Writes the tensors of some images.
   *
   * @param to one buffer for each tensor that the tail takes, [rows, ...]
   */
  gather(epoch: number, rows: Int32Array, to: readonly Float32Array[]): void
}

/** The network below the layer. */
export interface Front {
  /** Computes `kept` of the first view of each image, then of the second, and so on: one matrix each. */
  run: Pipeline['run']
  /** The signature of these matrices side by side. @param precision how a store keeps them */
  signature(precision: Precision): Promise<RowSignature>
}

/** The network below the layer, and where the images come from. */
export interface ActivationSource {
  images: readonly ImageInput[]
  front: Front
  /** Where activations are kept beyond this training, if anywhere. */
  store: ActivationStore | undefined
  /** The tensors that the tail reads, with their number of values for each image. */
  kept: readonly { name: string; size: number }[]
}

/** Options of the calls that keep something of each image. */
interface KeepOptions {
  signal: AbortSignal | undefined
  /** Called with how many images are done, on how many threads, and how many of them the store held before. */
  onImages(done: number, threads: number, known?: number): void
}

/** How images are changed at random, and how many views of each are kept. */
export interface ViewPlan {
  flip: boolean
  shift: number
  /** Epoch e uses view e modulo this number. If the tail reads the images themselves, each has a new view in every epoch. */
  views: number
  randomState: number
  /** How what is kept is rounded. */
  precision: Precision
}

/** The smallest number of images that are decoded, or given to the network below the layer, at a time. */
const MIN_IMAGES = 8
/** Bytes of activations or decoded images that are computed before they are kept. */
const MAX_COMPUTED_BYTES = 2 ** 27

/**
 * Decodes the images, for a tail that takes them themselves. Each epoch changes them anew.
 *
 * @param decode computes one matrix, the images as the network takes them
 * @throws {SoftmarginError} as `Pipeline.run`; `OUT_OF_MEMORY`
 */
export async function keepImages(
  images: readonly ImageInput[],
  preprocess: ResolvedPreprocess,
  decode: Pipeline['run'],
  { flip, shift, randomState, precision }: ViewPlan,
  o: KeepOptions,
): Promise<TrainingData> {
  const { width, height } = outputSize(preprocess)
  const size: TensorSize = { channels: preprocess.mean.length, height, width }
  const length = tensorLength(preprocess)
  const all = rowsFor(images.length, length, precision)
  for (const [first, end] of batches(images.length, batchSizeFor(length))) {
    const [{ data }] = await decode(images.slice(first, end), {
      signal: o.signal,
      onProgress: ({ done, threads }) => o.onImages(first + done, threads),
    })
    all.put(data, first)
  }
  let random = new Random(randomState)
  const image = new Float32Array(length)
  return {
    restart: () => {
      random = new Random(randomState)
    },
    gather: (_, rows, [to]) => {
      for (const [i, row] of rows.entries()) {
        all.take(row, image)
        applyView(image, to.subarray(i * length), size, drawView(random, flip, shift, size))
      }
    },
  }
}

/** Room for what is kept of the images. @throws {SoftmarginError} `OUT_OF_MEMORY` */
function rowsFor(images: number, size: number, precision: Precision): KeptRows {
  const what = `${images} images of ${size} ${precision} numbers`
  const advice = `pass fewer images, set activations to 'float16', or from to a higher layer`
  return roomFor(() => keptRows(images, size, precision), what, advice)
}

/** @param numbers that are computed of each image */
function batchSizeFor(numbers: number): number {
  return Math.max(MIN_IMAGES, Math.floor(MAX_COMPUTED_BYTES / (4 * numbers)))
}

function* batches(images: number, size: number): Generator<[first: number, end: number]> {
  for (let first = 0; first < images; first += size) yield [first, Math.min(images, first + size)]
}

/**
 * Runs the images through the network below the layer, once for each view, on the threads of the extractor.
 *
 * @throws {SoftmarginError} as `Pipeline.run`; `OUT_OF_MEMORY`
 */
export async function keepActivations(
  { images, front, kept, store }: ActivationSource,
  { views, precision }: ViewPlan,
  o: KeepOptions,
): Promise<TrainingData> {
  const stores = kept.map((one) =>
    Array.from({ length: views }, () => rowsFor(images.length, one.size, precision)),
  )
  const numbers = views * kept.reduce((sum, { size }) => sum + size, 0)
  const put = (found: readonly Float32Array[], first: number) => {
    for (const [i, rows] of found.entries())
      stores[i % kept.length][Math.floor(i / kept.length)].put(rows, first)
  }
  // The tensors of an image, which are side by side in the store.
  const tensorsOf = (row: Float32Array) => {
    let at = 0
    return Array.from({ length: views }, () => kept)
      .flat()
      .map(({ size }) => row.subarray(at, (at += size)))
  }
  const batchSize = batchSizeFor(numbers)
  const fromStore = store && (await storedRows(images, front, { store, precision, batchSize, ...o }))
  for (const [first, end] of batches(images.length, batchSize)) {
    if (fromStore) {
      const rows = fromStore(first, end)
      for (let i = first; i < end; i++) put(tensorsOf(rows.row(i - first)), i)
      continue
    }
    const found = await front.run(images.slice(first, end), {
      signal: o.signal,
      onProgress: ({ done, threads }) => o.onImages(first + done, threads),
    })
    put(
      found.map(({ data }) => data),
      first,
    )
  }
  return {
    restart: () => {},
    gather: (epoch, rows, to) => {
      for (const [k, { size: each }] of kept.entries()) {
        const store = stores[k][epoch % views]
        for (const [i, row] of rows.entries()) store.take(row, to[k].subarray(i * each, (i + 1) * each))
      }
    },
  }
}

/**
 * Computes the activations that a store does not hold yet.
 *
 * @param o.batchSize number of images that are computed at a time
 * @returns reads the activations of some consecutive images
 */
async function storedRows(
  images: readonly ImageInput[],
  front: Front,
  {
    store,
    precision,
    batchSize,
    signal,
    onImages,
  }: KeepOptions & { store: ActivationStore; precision: Precision; batchSize: number },
): Promise<(first: number, end: number) => Matrix> {
  const signature = await front.signature(precision)
  const rows: ActivationRows = {
    signature: async () => signature,
    extract: async (some, o) => joinColumns(await front.run(some, o)),
  }
  const keys = await store.keep(rows, images, {
    batchSize,
    signal,
    onProgress: ({ done, threads, known }) => onImages(done, threads, known),
  })
  return (first, end) => store.featuresOf(keys.slice(first, end), signature)
}
