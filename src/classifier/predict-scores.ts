// What a classifier can tell of images besides their labels: probabilities, decision values, how well it knows them.

import type { LongCall } from '../core/call-options.ts'
import { invalidArgument } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'
import { Matrix } from '../core/matrix.ts'
import { TimeSlice } from '../engine/wasm/time-slice.ts'
import type { ImageInput } from '../image/image-input.ts'
import type { ImagesCall, NextToLabel } from './classifier-options.ts'
import { knownScores, type Pipeline, refuse, rowsOf, spread } from './predict-images.ts'

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
    labels: spread(await refuse<L, U>(pipeline, features, predicted), read, images.length),
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

/** Probabilities, rows x classes, calibrated if the classifier is. */
export async function svcProbabilities<L extends Label>(
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
  for (const [row, score] of (await knownScores(pipeline.known, features)).entries()) all[read[row]] = score
  return all
}

/** Puts rows where their images are, and rows of NaN elsewhere. */
function spreadRows(rows: Matrix, read: number[], length: number): Matrix {
  const data = new Float32Array(length * rows.cols).fill(Number.NaN)
  for (const [row, i] of read.entries()) data.set(rows.row(row), i * rows.cols)
  return new Matrix(data, length, rows.cols)
}
