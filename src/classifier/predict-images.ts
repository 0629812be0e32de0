import type { LongCall } from '../core/call-options.ts'
import { invalidArgument } from '../core/errors.ts'
import { checkLabels, type Label, uniqueLabels } from '../core/labels.ts'
import { Matrix } from '../core/matrix.ts'
import { TimeSlice } from '../engine/wasm/time-slice.ts'
import type { ImageInput } from '../image/image-input.ts'
import { classificationReport } from '../metrics/classification-report.ts'
import { accuracyScore, confusionMatrix } from '../metrics/metrics.ts'
import { wilsonInterval } from '../metrics/wilson-interval.ts'
import type { FeatureScaler } from '../preprocessing/feature-scaler.ts'
import type { SVC } from '../svm/svc.ts'
import {
  checkImages,
  type EvaluateOptions,
  type Evaluation,
  type EvaluationDetails,
  type ImagesCall,
  type NextToLabel,
  type UnknownEvaluation,
} from './classifier-options.ts'
import type { Extracted, ImageFeatures } from './image-features.ts'
import { knownScoresByClass, maxOfRows } from './review/known-scores.ts'
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
  return spread(refuse<L, U>(pipeline, features, predicted), read, images.length)
}

/** How alike each image is to what was learnt, 0 at the threshold; NaN for images that cannot be read. */
export async function knownScoresOf(
  pipeline: Pipeline,
  images: readonly ImageInput[],
  o: ImagesCall,
): Promise<Float64Array> {
  if (!pipeline.known)
    throw invalidArgument('unknown', false, 'set when the classifier is made, for knownScore')
  const { features, read } = await rowsOf(pipeline, images, o)
  const all = new Float64Array(images.length).fill(Number.NaN)
  for (const [row, score] of knownScores(pipeline.known, features).entries()) all[read[row]] = score
  return all
}

function knownScores({ numbers }: NoveltyDetector, features: Matrix): Float64Array {
  return maxOfRows(knownScoresByClass(numbers, features), numbers.offset.length)
}

/** Replaces the labels of images that are like none of the classes. */
function refuse<L extends Label, U extends Label | null>(
  { known }: Pipeline<L>,
  features: Matrix,
  predicted: L[],
): (L | U)[] {
  if (!known) return predicted
  const scores = knownScores(known, features)
  return predicted.map((label, row) => (scores[row] > 0 ? label : (known.label as U)))
}

/** Labels and probabilities from one pass over the images; a row of NaN for images that cannot be read. */
export async function probabilitiesOf<L extends Label, U extends Label | null>(
  pipeline: Pipeline<L>,
  images: readonly ImageInput[],
  o: ImagesCall,
): Promise<{ labels: (L | U | null)[]; probabilities: Matrix }> {
  const { svc } = pipeline
  if (!svc.getParams().probability) {
    const message =
      'predictProba() needs a classifier with probabilities: create it with svm: { probability: true }'
    throw invalidArgument('svm.probability', false, 'true', message)
  }
  const { X, features, read } = await rowsOf(pipeline, images, o)
  const predicted = await svc.predict(X, { signal: o.signal })
  const call = { signal: o.signal }
  const rows = await svcProbabilities(pipeline, X, predicted, call)
  return {
    labels: spread(refuse<L, U>(pipeline, features, predicted), read, images.length),
    probabilities: spreadRows(rows, read, images.length),
  }
}

/** Decision values, in the shapes of `SVC.decisionFunction`; a row of NaN for images that cannot be read. */
export async function decisionsOf(
  pipeline: Pipeline,
  images: readonly ImageInput[],
  o: ImagesCall & { shape?: 'ovr' | 'ovo' | undefined },
): Promise<Matrix> {
  const { shape } = o
  if (shape !== undefined && shape !== 'ovr' && shape !== 'ovo') {
    throw invalidArgument('shape', shape, "'ovr' or 'ovo'")
  }
  const { X, read } = await rowsOf(pipeline, images, o)
  const rows = await pipeline.svc.decisionFunction(X, { shape, signal: o.signal })
  return spreadRows(rows, read, images.length)
}

/** Chooses images whose labels would teach the classifier most; see `ImageClassifier.nextToLabel`. */
export async function nextOf<L extends Label>(
  pipeline: Pipeline<L>,
  images: readonly ImageInput[],
  count: number,
  o: ImagesCall,
): Promise<NextToLabel<L>[]> {
  if (!Number.isSafeInteger(count) || count < 1) throw invalidArgument('n', count, 'an integer of 1 or more')
  const { svc } = pipeline
  const { X, read } = await rowsOf(pipeline, images, o)
  const predicted = await svc.predict(X, { signal: o.signal })
  const { representativeRows, uncertaintiesOf } = await import('./review/next-to-label.ts')
  const decisions = await svc.decisionFunction(X, { shape: 'ovo', signal: o.signal })
  const uncertainties = uncertaintiesOf(decisions, svc.classes.length)
  // A saved classifier knows its support vectors only, which are most of few images.
  const rows = await representativeRows(X, uncertainties, svc.supportVectors, count, new TimeSlice(o.signal))
  return rows.map((row) => ({ index: read[row], label: predicted[row], uncertainty: uncertainties[row] }))
}

/**
 * Evaluates the classifier on images with known labels, and returns the features of these too. A feature store records
 * the labels only if the images are to be added.
 */
export async function evaluationOf<L extends Label>(
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
      unknown: unknownEvaluation(pipeline, pipeline.known, features, yTrue, predicted),
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

/** Probabilities, rows x classes, calibrated if the classifier is. */
async function svcProbabilities<L extends Label>(
  { svc, power }: Pipeline<L>,
  X: Matrix,
  predicted: L[],
  call: LongCall,
): Promise<Matrix> {
  if (power === undefined) return svc.predictProba(X, call)
  // Loaded on demand: most classifiers are not calibrated.
  const { calibratedProba } = await import('./review/calibrate-svc.ts')
  return calibratedProba({ svc, power }, X, predicted, call)
}

function unknownEvaluation(
  { svc }: Pipeline,
  known: NoveltyDetector,
  features: Matrix,
  yTrue: readonly Label[],
  predicted: readonly Label[],
): UnknownEvaluation {
  const accepted = knownScores(known, features)
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

/** Scaled and unscaled features of the readable images, with the indices of those images. */
async function rowsOf(
  { source, scaler }: Pipeline,
  images: readonly ImageInput[],
  o: ImagesCall,
  labels?: ArrayLike<Label>,
): Promise<Extracted & { X: Matrix }> {
  checkImages(images)
  const extracted = await source.extract(images, o, labels)
  return { X: await scaler.transform(extracted.features), ...extracted }
}

/** Puts rows where their images are, and rows of NaN elsewhere. */
function spreadRows(rows: Matrix, read: number[], length: number): Matrix {
  const data = new Float32Array(length * rows.cols).fill(Number.NaN)
  for (const [row, i] of read.entries()) data.set(rows.row(row), i * rows.cols)
  return new Matrix(data, length, rows.cols)
}

function spread<T>(labels: T[], read: number[], length: number): (T | null)[] {
  const all = new Array<T | null>(length).fill(null)
  for (const [row, i] of read.entries()) all[i] = labels[row]
  return all
}
