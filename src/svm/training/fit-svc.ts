import { dealFolds } from '../../core/folds.ts'
import { checkClasses, checkLabels, countCodes, encodeLabels } from '../../core/label-codes.ts'
import type { Label } from '../../core/labels.ts'
import { checkNotEmpty, type Matrix } from '../../core/matrix.ts'
import type { KeptGram } from '../../engine/kernel/kept-gram.ts'
import type { SvmKernel } from '../../engine/kernel/kernel.ts'
import { TimeSlice } from '../../engine/wasm/time-slice.ts'
import { classWeights } from '../model/class-weights.ts'
import type { FittedModel, ModelExtras } from '../model/fitted-model.ts'
import { kernelFor } from '../model/resolve-kernel.ts'
import { type SampleWeight, sampleWeights, weightedGroups } from '../model/sample-weight.ts'
import type { SvcParameters } from '../model/svc-params.ts'
import { earlierDuals } from './earlier-duals.ts'
import { type FitOptions, fitOneVsOne, type TrainingProblem } from './one-vs-one.ts'
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
  checkLabels(y, X.rows)
  checkNotEmpty(X)
  const { earlier } = o
  const { problem, kernel, classes } = await trainingProblem(X, y, parameters, o)
  const { probability, randomState } = parameters
  const folds = probability ? dealFolds(problem.groups, X.rows, FOLDS, randomState) : undefined
  const model = await fitOneVsOne(
    {
      ...{ ...problem, folds, gram: o.gram },
      earlier: earlier && earlierDuals(earlier.model, earlier.classes, X, y, classes),
    },
    kernel,
    { ...parameters, signal: o.signal, onProgress: o.onProgress, onWarning: o.onWarning },
  )
  return { model, classes }
}

/**
 * The problem that an `SVC` with these parameters solves: rows, classes and bounds, and the kernel with gamma as a number.
 *
 * @throws {SoftmarginError} as `SVC.fit`
 */
export async function trainingProblem<L extends Label>(
  X: Matrix,
  y: ArrayLike<L>,
  parameters: SvcParameters,
  { sampleWeight, signal }: Pick<FitSvcOptions, 'sampleWeight' | 'signal'>,
): Promise<{ problem: TrainingProblem; kernel: SvmKernel; classes: L[]; codes: Int32Array }> {
  const { kernel, survey } = await kernelFor(parameters, X, new TimeSlice(signal))
  const labels = encodeLabels(y)
  const { classes, codes } = labels
  checkClasses(classes)
  const rowWeights = sampleWeights(sampleWeight, X.rows)
  const groups = weightedGroups(labels, rowWeights)
  const { C, classWeight } = parameters
  const weights = classWeights(classWeight, classes, [...countCodes(labels)])
  const bounds = new Float64Array(X.rows)
  for (let row = 0; row < bounds.length; row++) bounds[row] = C * weights[codes[row]] * rowWeights[row]
  return { problem: { X, groups, survey, bounds }, kernel, classes, codes }
}
