import type { Evaluation, ImageClassifier } from '../../classifier/image-classifier.ts'
import { progress } from './terminal.ts'

/** Up to so many images a learning curve is computed, which takes 15 fits. */
const CURVE_IMAGES = 20_000

/**
 * The accuracy that may be expected after training with twice as many images: that on the held-out images, plus what
 * the learning curve promises. `undefined` if a class has fewer than 5 images, for a trained CNN, which has seen the
 * images already, and for very many images.
 */
export async function accuracyOfTwice(
  classifier: Pick<ImageClassifier, 'extractor' | 'learningCurve'>,
  labels: readonly string[],
  { accuracy }: Evaluation,
  signal: AbortSignal,
): Promise<number | undefined> {
  const folds = 5
  const counts = new Map<string, number>()
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  const isPossible = Math.min(...counts.values()) >= folds && labels.length <= CURVE_IMAGES
  if (!isPossible || classifier.extractor.tuning?.kept) return undefined
  const { extrapolated } = await classifier.learningCurve({ cv: folds, signal, onProgress: progress.update })
  const [now, twice] = extrapolated.map(({ score }) => score)
  return Math.min(1, accuracy + twice - now)
}
