import { dealFolds } from '../../core/folds.ts'
import { checkClasses, countCodes, encodeLabels, type Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { KeptGram } from '../../engine/kernel/kept-gram.ts'
import { TimeSlice } from '../../engine/wasm/time-slice.ts'
import type { FittedModel, ModelExtras } from '../model/fitted-model.ts'
import { type SampleWeight, sampleWeights, weightedGroups } from '../model/sample-weight.ts'
import { classWeights, type SvcParameters } from '../model/svc-params.ts'
import { kernelFor } from '../model/svm-params.ts'
import { earlierDuals } from './earlier-duals.ts'
import { type FitOptions, fitOneVsOne } from './one-vs-one.ts'
import { FOLDS } from './pair-solver.ts'

/** What a fit is given besides rows, labels and parameters. */
interface FitSvcOptions extends Pick<FitOptions, 'signal' | 'onProgress' | 'onWarning'> {
  sampleWeight?: SampleWeight | undefined
  gram: KeptGram | undefined
  /** The model to start from. */
  earlier: { model: FittedModel & ModelExtras; classes: Label[] } | undefined
}

/**
 * Fits the model of an `SVC`.
 *
 * @param y one label for each row of X
 * @throws {SoftmarginError} as `SVC.fit`
 */
export async function fitSvc<L extends Label>(
  X: Matrix,
  y: ArrayLike<L>,
  parameters: SvcParameters,
  o: FitSvcOptions,
): Promise<{ model: FittedModel & ModelExtras; classes: L[] }> {
  const { earlier } = o
  const timeSlice = new TimeSlice(o.signal)
  const { kernel, survey } = await kernelFor(parameters, X, timeSlice)
  const labels = encodeLabels(y)
  const { classes, codes } = labels
  checkClasses(classes)
  const rowWeights = sampleWeights(o.sampleWeight, X.rows)
  const groups = weightedGroups(labels, rowWeights)
  const { C, classWeight, probability, randomState } = parameters
  const weights = classWeights(classWeight, classes, [...countCodes(labels)])
  const bounds = new Float64Array(X.rows)
  for (let row = 0; row < bounds.length; row++) bounds[row] = C * weights[codes[row]] * rowWeights[row]
  const folds = probability ? dealFolds(groups, X.rows, FOLDS, randomState) : undefined
  const model = await fitOneVsOne(
    {
      ...{ X, groups, survey, bounds, folds, gram: o.gram },
      earlier: earlier && earlierDuals(earlier.model, earlier.classes, X, y, classes),
    },
    kernel,
    { ...parameters, signal: o.signal, onProgress: o.onProgress, onWarning: o.onWarning },
  )
  return { model, classes }
}
