import type { LongCall } from '../../core/call-options.ts'
import type { Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import { wilsonInterval } from '../../metrics/wilson-interval.ts'
import { leaveOneOut } from '../../model-selection/leave-one-out.ts'
import type { SVC } from '../../svm/svc.ts'

/** A training image that was left out of the fit. */
export interface LeftOutImage<L extends Label = Label> {
  /** Number of the image among those that the classifier has learnt from, in their order. */
  index: number
  /** The label that it has. */
  label: L
  /** The label that the SVM fitted on all other images predicts. */
  predicted: L
}

/** What SVMs that were fitted without an image find for it. */
export interface LeftOutImages<L extends Label = Label> {
  /** One entry for each image that was judged, in their order. */
  images: LeftOutImage<L>[]
  /** The share of these images that are labelled correctly, 0 to 1. */
  accuracy: number
  /** The 95 % confidence interval of the accuracy, after Wilson (1927). */
  accuracyInterval: [low: number, high: number]
  /** As in the result of `leaveOneOut`: problems of two classes that were solved again, of so many. */
  refits: number
  problems: number
}

/**
 * Leaves out each training image.
 *
 * @param template the SVC whose options are used
 * @param X scaled features
 * @param o.unseen the rows to judge. Default: all
 * @throws {SoftmarginError} as `leaveOneOut`
 */
export async function leaveImagesOut<L extends Label>(
  template: SVC<L>,
  X: Matrix,
  y: readonly L[],
  { unseen, ...call }: LongCall & { unseen?: Int32Array | undefined },
): Promise<LeftOutImages<L>> {
  // Warnings are dropped: the fit itself has given them.
  const { labels, refits, problems } = await leaveOneOut(template, X, y, { ...call, onWarning: () => {} })
  const judged = unseen ? [...unseen] : [...y.keys()]
  const images = judged.map((index) => ({ index, label: y[index], predicted: labels[index] }))
  const right = images.filter(({ label, predicted }) => label === predicted).length
  const accuracyInterval = wilsonInterval(right, images.length)
  return { images, accuracy: right / images.length, accuracyInterval, refits, problems }
}
