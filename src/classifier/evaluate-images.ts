import { invalidArgument } from '../core/errors.ts'
import { checkLabels } from '../core/label-codes.ts'
import { type Label, uniqueLabels } from '../core/labels.ts'
import type { Matrix } from '../core/matrix.ts'
import type { ImageInput } from '../image/image-input.ts'
import { classificationReport } from '../metrics/classification-report.ts'
import { accuracyScore, confusionMatrix } from '../metrics/metrics.ts'
import { wilsonInterval } from '../metrics/wilson-interval.ts'
import {
  checkImages,
  type EvaluateOptions,
  type Evaluation,
  type EvaluationDetails,
  type UnknownEvaluation,
} from './classifier-options.ts'
import { type ClassifierState, pipelineOf } from './classifier-state.ts'
import { keepImages, refittableOf } from './fitting/refit-classifier.ts'
import type { Extracted } from './image-features.ts'
import { knownScores, type Pipeline, rowsOf } from './predict-images.ts'
import { svcProbabilities } from './predict-scores.ts'
import type { NoveltyDetector } from './review/novelty.ts'

/** See `ImageClassifier.evaluate`. */
export async function evaluateClassifier<L extends Label, Y extends Label>(
  state: ClassifierState<L>,
  images: readonly ImageInput[],
  labels: ArrayLike<Y>,
  o: EvaluateOptions,
): Promise<Evaluation<L | Y>> {
  const { add = false } = o
  checkEvaluate(o)
  if (add) await refittableOf(state)
  const { evaluation, extracted } = await evaluationOf<L | Y>(pipelineOf(state), images, labels, o)
  if (add) await keepImages(state, extracted, images, labels as ArrayLike<Label> as ArrayLike<L>, o)
  return evaluation
}

/**
 * Evaluates the classifier on images with known labels, and returns the features of these too. A feature store records
 * the labels only if the images are to be added.
 */
async function evaluationOf<L extends Label>(
  pipeline: Pipeline<L>,
  images: readonly ImageInput[],
  labels: ArrayLike<L>,
  o: EvaluateOptions,
): Promise<{ evaluation: Evaluation<L>; extracted: Extracted }> {
  checkImages(images)
  checkLabels(labels, images.length, 'labels', 'images')
  uniqueLabels([pipeline.svc.classes[0], ...Array.from(labels)], 'labels')
  const { X, features, read, keys } = await rowsOf(pipeline, images, o, o.add ? labels : undefined)
  const predicted = await pipeline.svc.predict(X, { signal: o.signal })
  const yTrue = read.map((i) => labels[i])
  const all = uniqueLabels([...pipeline.svc.classes, ...yTrue])
  const occurring = new Set(yTrue)
  const right = yTrue.filter((label, row) => label === predicted[row]).length
  const evaluation = {
    accuracy: accuracyScore(yTrue, predicted),
    accuracyInterval: wilsonInterval(right, yTrue.length),
    confusionMatrix: confusionMatrix(yTrue, predicted, { labels: all }),
    report: {
      // As in scikit-learn, averages cover only the classes that occur; the list covers all classes.
      ...classificationReport(yTrue, predicted),
      classes: classificationReport(yTrue, predicted, { labels: all }).classes,
    },
    missingClasses: pipeline.svc.classes.filter((label) => !occurring.has(label)),
    images: yTrue.length,
    ...(o.details && { details: await detailsOf(pipeline, X, read, predicted, o.signal) }),
    ...(pipeline.known && {
      unknown: await unknownEvaluation(pipeline, pipeline.known, features, yTrue, predicted),
    }),
  }
  return { evaluation, extracted: { features, read, keys } }
}

async function detailsOf<L extends Label>(
  pipeline: Pipeline<L>,
  X: Matrix,
  indices: number[],
  predicted: L[],
  signal: AbortSignal | undefined,
): Promise<EvaluationDetails<L>> {
  const { svc } = pipeline
  const call = { signal }
  const decisions = await svc.decisionFunction(X, call)
  if (!svc.getParams().probability) return { indices, predicted, decisions }
  const probabilities = await svcProbabilities(pipeline, X, predicted, call)
  return { indices, predicted, decisions, probabilities }
}

async function unknownEvaluation(
  { svc }: Pipeline,
  known: NoveltyDetector,
  features: Matrix,
  yTrue: readonly Label[],
  predicted: readonly Label[],
): Promise<UnknownEvaluation> {
  const accepted = await knownScores(known, features)
  const classes = new Set(svc.classes)
  const counts = { known: 0, others: 0, refused: 0, wronglyAccepted: 0, accepted: 0, right: 0 }
  for (const [row, label] of yTrue.entries()) {
    const isKnown = classes.has(label)
    const isAccepted = accepted[row] > 0
    if (isKnown) counts.known++
    else counts.others++
    if (isKnown && !isAccepted) counts.refused++
    if (!isKnown && isAccepted) counts.wronglyAccepted++
    if (isAccepted) counts.accepted++
    if (isAccepted && label === predicted[row]) counts.right++
  }
  return {
    refused: counts.refused / counts.known,
    wronglyAccepted: counts.wronglyAccepted / counts.others,
    accuracyOfAccepted: counts.right / counts.accepted,
    known: counts.known,
    others: counts.others,
  }
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` */
function checkEvaluate({ add, details }: EvaluateOptions): void {
  for (const [name, value] of Object.entries({ add, details })) {
    if (value !== undefined && typeof value !== 'boolean') throw invalidArgument(name, value, 'true or false')
  }
}
