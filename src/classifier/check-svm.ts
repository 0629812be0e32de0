import { invalidArgument } from '../core/errors.ts'
import { type Label, uniqueLabels } from '../core/labels.ts'
import { classWeights } from '../svm/model/svc-params.ts'
import type { SVC } from '../svm/svc.ts'

/**
 * Checks that an SVM can learn from features.
 *
 * @param argument how the caller calls its kernel, for error messages
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for a precomputed kernel
 */
export function checkFeatureKernel(svm: SVC, argument = 'svm.kernel'): void {
  const { kernel } = svm.getParams()
  if (kernel !== 'precomputed') return
  const expected = "'rbf', 'linear', 'poly' or 'sigmoid', as the SVM of a classifier sees features of images"
  throw invalidArgument(argument, kernel, expected)
}

/**
 * Checks, before any image is read, that an SVM can learn these labels.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for a `classWeight` of a label that no image has
 */
export function checkClassWeight(svm: SVC, labels: ArrayLike<Label>): void {
  const classes = uniqueLabels(labels, 'labels')
  const counts = classes.map(() => 1)
  classWeights(svm.getParams().classWeight, classes, counts)
}
