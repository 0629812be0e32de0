import { invalidArgument } from '../core/errors.ts'
import { type Label, uniqueLabels } from '../core/labels.ts'
import { classWeights } from '../svm/model/class-weights.ts'
import type { SVC } from '../svm/svc.ts'

/**
 * Checks that an SVM can be fitted on extracted image features.
 *
 * @param argument name under which the caller passed the kernel, for error messages
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for a precomputed kernel
 */
export function checkFeatureKernel(svm: SVC, argument = 'svm.kernel'): void {
  const { kernel } = svm.getParams()
  if (kernel !== 'precomputed') return
  const expected = "'rbf', 'linear', 'poly' or 'sigmoid', since the SVM of a classifier is fitted on features"
  throw invalidArgument(argument, kernel, expected)
}

/**
 * Checks an SVM's class weights against the labels before any image is read.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for a `classWeight` of a label that no image has
 */
export function checkClassWeight(svm: SVC, labels: ArrayLike<Label>): void {
  const classes = uniqueLabels(labels, 'labels')
  const counts = classes.map(() => 1)
  classWeights(svm.getParams().classWeight, classes, counts)
}
