import type { Evaluation, ImageClassifier } from '../../classifier/image-classifier.ts'
import type { Side } from './hold-out.ts'
import { progress } from './terminal.ts'

/** Up to so many images a learning curve is computed, which takes 15 fits. */
const CURVE_IMAGES = 20_000

/**
 * The accuracy that may be expected after training with twice as many images: that on the held-out images, plus what
 * the learning curve promises. `undefined` if a class has fewer than 5 images or groups, for a trained CNN, which has seen the
 * images already, and for very many images.
 */
export async function accuracyOfTwice(
  classifier: Pick<ImageClassifier, 'extractor' | 'learningCurve'>,
  { labels, groups }: Side,
  { accuracy }: Evaluation,
  signal: AbortSignal,
): Promise<number | undefined> {
  const folds = 5
  const apart = new Map<string, Set<string | number>>()
  for (const [i, label] of labels.entries()) {
    if (!apart.has(label)) apart.set(label, new Set())
    apart.get(label)!.add(groups ? groups[i] : i)
  }
  const least = Math.min(...[...apart.values()].map(({ size }) => size))
  const isPossible = least >= folds && labels.length <= CURVE_IMAGES
  if (!isPossible || classifier.extractor.tuning?.kept) return undefined
  const { extrapolated } = await classifier.learningCurve({ cv: folds, signal, onProgress: progress.update })
  const [now, twice] = extrapolated.map(({ score }) => score)
  return Math.min(1, accuracy + twice - now)
}
