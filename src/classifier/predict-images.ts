import type { Label } from '../core/labels.ts'
import type { Matrix } from '../core/matrix.ts'
import type { ImageInput } from '../image/image-input.ts'
import type { FeatureScaler } from '../preprocessing/feature-scaler.ts'
import type { SVC } from '../svm/svc.ts'
import { checkImages, type ImagesCall } from './classifier-options.ts'
import type { Extracted, ImageFeatures } from './image-features.ts'
import type { NoveltyDetector } from './review/novelty.ts'

/** A fitted classifier: feature source, feature scaler and SVM. */
export interface Pipeline<L extends Label = Label> {
  source: ImageFeatures
  scaler: FeatureScaler
  svc: SVC<L>
  /** The power of `CalibratedSvc`, if the probabilities come from folds. */
  power?: number | undefined
  known?: NoveltyDetector | undefined
}

/** Predicted label of each image; `null` for images that cannot be read. */
export async function labelsOf<L extends Label, U extends Label | null>(
  pipeline: Pipeline<L>,
  images: readonly ImageInput[],
  o: ImagesCall,
): Promise<(L | U | null)[]> {
  const { X, features, read } = await rowsOf(pipeline, images, o)
  const predicted = await pipeline.svc.predict(X, { signal: o.signal })
  return spread(await refuse<L, U>(pipeline, features, predicted), read, images.length)
}

/** How alike each row of features is to what was learnt. */
export async function knownScores({ numbers }: NoveltyDetector, features: Matrix): Promise<Float64Array> {
  // Loaded on demand: most classifiers do not know what they have learnt.
  const { knownScoresByClass, maxOfRows } = await import('./review/known-scores.ts')
  return maxOfRows(knownScoresByClass(numbers, features), numbers.offset.length)
}

/** Replaces the labels of images that are like none of the classes. */
export async function refuse<L extends Label, U extends Label | null>(
  { known }: Pipeline<L>,
  features: Matrix,
  predicted: L[],
): Promise<(L | U)[]> {
  if (!known) return predicted
  const scores = await knownScores(known, features)
  return predicted.map((label, row) => (scores[row] > 0 ? label : (known.label as U)))
}

/** Scaled and unscaled features of the readable images, with the indices of those images. */
export async function rowsOf(
  { source, scaler }: Pipeline,
  images: readonly ImageInput[],
  o: ImagesCall,
  labels?: ArrayLike<Label>,
): Promise<Extracted & { X: Matrix }> {
  checkImages(images)
  const extracted = await source.extract(images, o, labels)
  return { X: await scaler.transform(extracted.features), ...extracted }
}

/** Puts labels where their images are, and `null` elsewhere. */
export function spread<T>(labels: T[], read: number[], length: number): (T | null)[] {
  const all = new Array<T | null>(length).fill(null)
  for (const [row, i] of read.entries()) all[i] = labels[row]
  return all
}
