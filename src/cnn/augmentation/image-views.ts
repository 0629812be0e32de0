import { SoftmarginError } from '../../core/errors.ts'
import { Random } from '../../core/random.ts'
import { TimeSlice } from '../../engine/wasm/time-slice.ts'
import { applyView, drawView, type TensorSize } from './augment.ts'

/** Random changes of images that a network is run on, several of each image. */
export interface ImageViews {
  /** Number of changed copies of each image. */
  count: number
  /** Whether half of them are mirrored, or all. */
  flip: boolean | 'always'
  /** Greatest shift along each axis, as a share of the side. */
  shift: number
  /** Seed of the changes, an integer from 0 to 2^32 - 1. */
  randomState: number
}

/** What ends a run between two views. */
export interface RunEnd {
  slice?: TimeSlice | undefined
  /** Whether a result is still waited for. */
  isWanted?: (() => boolean) | undefined
}

/**
 * Changes the images of a batch, `count` times each. The changes of an image depend on its pixels and the seed alone, so
 * that they are the same in any batch, on any thread.
 *
 * @param images [images, channels, height, width]
 * @returns batches of the same size, all in one buffer, which the next one overwrites
 */
export function* viewsOfBatch(
  images: Float32Array,
  size: TensorSize,
  { count, flip, shift, randomState }: ImageViews,
): Generator<Float32Array> {
  const length = size.channels * size.height * size.width
  const changed = new Float32Array(images.length)
  const each = Array.from({ length: images.length / length }, (_, i) => {
    const image = images.subarray(i * length, (i + 1) * length)
    return { image, to: changed.subarray(i * length), random: new Random(seedOf(image, randomState)) }
  })
  for (let view = 0; view < count; view++) {
    for (const { image, to, random } of each) applyView(image, to, size, drawView(random, flip, shift, size))
    yield changed
  }
}

/**
 * Runs the views of a batch one after the other. There may be many, so that the event loop has its turns between them.
 *
 * @param end.slice ends the run if its signal is aborted
 * @param end.isWanted ends it if it returns `false`
 * @returns the results of `run`, one list after the other
 * @throws {SoftmarginError} `ABORTED`
 */
export async function runViews<Result>(
  images: Float32Array,
  size: TensorSize,
  views: ImageViews,
  run: (changed: Float32Array) => Promise<Result[]>,
  { slice = new TimeSlice(), isWanted = () => true }: RunEnd = {},
): Promise<Result[]> {
  const results: Result[] = []
  for (const changed of viewsOfBatch(images, size, views)) {
    results.push(...(await run(changed)))
    if (slice.expired) await slice.yield()
    if (!isWanted()) throw new SoftmarginError('ABORTED', 'no call waits for the batch any more')
  }
  return results
}

/** A hash of the bits of the numbers (FNV-1a, a number at a time), with the seed as its start. */
function seedOf(numbers: Float32Array, randomState: number): number {
  const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length)
  let hash = 0x811c9dc5 ^ randomState
  for (let i = 0; i < bits.length; i++) hash = Math.imul(hash ^ bits[i], 0x01000193)
  return hash >>> 0
}
