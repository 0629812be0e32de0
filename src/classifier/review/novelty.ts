// Open-set recognition: which images belong to none of the classes (the option `unknown`).

import { SoftmarginError, throwIfAborted } from '../../core/errors.ts'
import { encodeLabels, type Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import { TimeSlice } from '../../engine/wasm/time-slice.ts'
import type { KnownNumbers } from '../../onnx/classifier/read-steps.ts'
import type { ReviewCall } from './out-of-fold.ts'
import { fitPlda, logLikelihoodRatios, maxOfRows } from './plda.ts'
import { reviewFolds } from './review-folds.ts'

/** A fitted score for images of none of the classes, with its settings. */
export interface NoveltyDetector {
  numbers: KnownNumbers
  /** Share of the images of the classes that is refused. */
  reject: number
  /** The label that `predict` returns for an image of none of the classes. */
  label: Label | null
}

/** A class has its own threshold if it is the most likely one of at least this many rows; the others share one. */
const MIN_ROWS_FOR_OWN_THRESHOLD = 20
/** The model holds a matrix of features x features, which bounds the features. */
const MAX_FEATURES = 2048

/**
 * Fits the score with which a classifier detects images of none of its classes: the greatest PLDA log likelihood ratio
 * over the classes (see plda.ts). The thresholds are set on out-of-fold scores of five folds and subtracted, so a row is
 * refused if its score is below 0.
 *
 * @param X unscaled features
 * @param reject share of the rows to refuse, between 0 and 1
 * @param call.unseen if the CNN has learnt from some rows, the others: the thresholds are set on these alone
 * @throws {SoftmarginError} `TOO_FEW_ROWS`, `INVALID_ARGUMENT` for too many features, `ABORTED`
 */
export async function fitNoveltyScore(
  X: Matrix,
  y: readonly Label[],
  reject: number,
  { groups, signal, unseen }: ReviewCall,
): Promise<KnownNumbers> {
  checkNoveltyData(y, reject)
  if (X.cols > MAX_FEATURES) {
    throw new SoftmarginError(
      'INVALID_ARGUMENT',
      `unknown needs at most ${MAX_FEATURES} features, but the layer gives ${X.cols}: choose another pooling or layer`,
      { argument: 'unknown', received: X.cols, expected: `at most ${MAX_FEATURES} features` },
    )
  }
  const labels = encodeLabels(y, 'labels')
  const count = labels.classes.length
  const timeSlice = new TimeSlice(signal)
  const judged: Float64Array[] = []
  for (const { train, test } of reviewFolds(labels, { groups, unseen })) {
    throwIfAborted(signal)
    await timeSlice.yield()
    // Each class has at least two rows, in different folds, so every training part has a row of it.
    const plda = fitPlda(X.select(train), {
      classes: labels.classes,
      codes: train.map((row) => labels.codes[row]),
    })
    judged.push(logLikelihoodRatios(plda, X.select(test)))
  }
  const scores = Float64Array.from(judged.flatMap((ratios) => [...ratios]))
  const greatest = maxOfRows(scores, count)
  const overall = quantile([...greatest], reject)
  const thresholds = labels.classes.map((_, code) => {
    const ofClass = [...greatest].filter((score, row) => scores[row * count + code] === score)
    return ofClass.length >= Math.max(MIN_ROWS_FOR_OWN_THRESHOLD, 1 / reject)
      ? quantile(ofClass, reject)
      : overall
  })
  // Subtracting the thresholds can change which class is the most likely one, so the overall share is set once more.
  for (let at = 0; at < scores.length; at++) scores[at] -= thresholds[at % count]
  const remaining = quantile([...maxOfRows(scores, count)], reject)
  const plda = fitPlda(X, labels)
  return { ...plda, offset: plda.offset.map((offset, code) => offset - thresholds[code] - remaining) }
}

/**
 * Checks that there are enough labels to set a threshold.
 *
 * @param reject as in `fitNoveltyScore`
 *
 * @throws {SoftmarginError} `TOO_FEW_ROWS`
 */
export function checkNoveltyData(y: ArrayLike<Label>, reject: number): void {
  const wanted = Math.ceil(1 / reject)
  if (y.length < wanted) {
    throw new SoftmarginError(
      'TOO_FEW_ROWS',
      `to refuse a share of ${reject} of the known images, unknown needs at least ${wanted} of them, but there are ${y.length}`,
      { argument: 'labels', received: y.length, expected: `at least ${wanted} images` },
    )
  }
}

/** The quantile of `values` at `share`, 0 to 1: the mean of the two neighbouring values. Sorts `values` in place. */
function quantile(values: number[], share: number): number {
  const sorted = values.sort((a, b) => a - b)
  const below = Math.min(sorted.length - 1, Math.max(1, Math.round(share * sorted.length)))
  return (sorted[below - 1] + sorted[below]) / 2
}
