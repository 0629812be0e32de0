import { invalidArgument } from '../../../core/errors.ts'
import { checkClasses, checkLabels } from '../../../core/label-codes.ts'
import { type Label, uniqueLabels } from '../../../core/labels.ts'
import type { Matrix } from '../../../core/matrix.ts'
import type { ImageInput } from '../../../image/image-input.ts'
import type { FineTuneOptions } from '../../training/fine-tune-options.ts'
import { noteUnreadable } from '../unreadable-images.ts'
import type { FrozenExtractor } from './frozen-extractor.ts'

/** Images that a network is tuned on, and what the frozen network sees of them. */
export interface TuningData {
  images: ImageInput[]
  labels: Label[]
  groups: Label[] | undefined
  /** Features of the frozen network, images x features. */
  features: Matrix
  /** The position of each image among those of the call. */
  positions: number[]
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT`, `SHAPE_MISMATCH`, and others, as `FeatureExtractor.fineTune` */
export function checkTuningData(
  images: readonly ImageInput[],
  labels: ArrayLike<Label>,
  groups: ArrayLike<Label> | undefined,
): void {
  if (!Array.isArray(images)) throw invalidArgument('images', images, 'an array of images')
  checkLabels(labels, images.length, 'labels', 'images')
  checkClasses(uniqueLabels(labels, 'labels'), 'labels')
  if (groups !== undefined) checkLabels(groups, images.length, 'groups', 'images')
}

/**
 * Extracts the features of the images. Images that cannot be read are left out, if the caller wants to hear of them.
 *
 * @throws {SoftmarginError} as `FeatureExtractor.extract`; `ONE_CLASS` if the images of one class alone can be read
 */
export async function readTuningData(
  frozen: Pick<FrozenExtractor<unknown>, 'extract'>,
  images: readonly ImageInput[],
  labels: ArrayLike<Label>,
  { groups, signal, onProgress, onUnreadable }: FineTuneOptions,
): Promise<TuningData> {
  const noted = noteUnreadable(onUnreadable)
  const features = await frozen.extract(images, {
    signal,
    onProgress: (p) => onProgress?.({ stage: 'features', ...p }),
    onUnreadable: noted.onUnreadable,
  })
  const positions = noted.readable(images)
  const read = positions.map((i) => labels[i])
  checkClasses(uniqueLabels(read, 'labels'), 'labels')
  return {
    images: positions.map((i) => images[i]),
    labels: read,
    groups: groups && positions.map((i) => groups[i]),
    features,
    positions,
  }
}

/** Some of the images, in the order of `rows`. */
export function selectImages(data: TuningData, rows: Int32Array): TuningData {
  const pick = <V>(list: readonly V[]) => Array.from(rows, (row) => list[row])
  return {
    images: pick(data.images),
    labels: pick(data.labels),
    groups: data.groups && pick(data.groups),
    features: data.features.select(rows),
    positions: pick(data.positions),
  }
}
