// Open-set recognition: which images belong to none of the classes (the option `unknown`).

import { SoftmarginError } from '../../core/errors.ts'
import type { Fold } from '../../core/folds.ts'
import { type EncodedLabels, encodeLabels } from '../../core/label-codes.ts'
import type { Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import { Random } from '../../core/random.ts'
import { TimeSlice } from '../../engine/wasm/time-slice.ts'
import { auc, rocCurve } from '../../metrics/roc.ts'
import type { KnownNumbers } from '../../onnx/classifier/read-steps.ts'
import { fitBackgroundScore } from './background-score.ts'
import { knownScoresByClass, maxOfRows } from './known-scores.ts'
import type { ReviewCall } from './out-of-fold.ts'
import { fitPlda } from './plda.ts'
import { reviewFolds } from './review-folds.ts'

/** A fitted score for images of none of the classes, with its settings. */
export interface NoveltyDetector {
  numbers: KnownNumbers
  /** Share of the images of the classes that is refused. */
  reject: number
  /** The label that `predict` returns for an image of none of the classes. */
  label: Label | null
}

/**
 * A class has a threshold of its own if at least this many of the rows that it is the most likely class of are refused; the
 * other classes share one. Thresholds from fewer rows are so uncertain that scores of different classes compare worse: see
 * bench/unknown.js.
 */
const REFUSED_FOR_OWN_THRESHOLD = 10
/** Maximum number of features, because the model holds a matrix of features x features. */
const MAX_FEATURES = 2048
/** Maximum number of rows of a background, which all stay in the model. Of more, so many are drawn at random. */
const MAX_BACKGROUND = 1000
/**
 * If the score without a background tells the classes and the background apart with this area under the ROC curve, the
 * background is left out: it does not show what other images near the classes look like. See bench/unknown.js.
 */
const TOO_FAR = 0.99

/** What `fitNoveltyScore` fits to. */
export interface NoveltyCall extends ReviewCall {
  /** Unscaled features of images of other things. Default: none. */
  background?: Matrix | undefined
  onWarning?: ((warning: string) => void) | undefined
}

type FitScore = (X: Matrix, labels: EncodedLabels) => Promise<KnownNumbers>

/**
 * Fits the score with which a classifier detects images of none of its classes: the greatest of the classes' scores, which
 * are PLDA log likelihood ratios (see plda.ts) or, with a background, those of background-score.ts. The thresholds are set
 * on out-of-fold scores of five folds and subtracted, so a row is refused if its score is below 0.
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
  { groups, background, signal, onWarning, unseen }: NoveltyCall,
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
  const folds = reviewFolds(labels, { groups, unseen })
  const timeSlice = new TimeSlice(signal)
  const plain: FitScore = async (rows, own) => fitPlda(rows, own)
  const scores = await outOfFoldScores(plain, X, labels, folds, timeSlice)
  const fitted = await plain(X, labels)
  if (!background) return withThresholds(fitted, scores, reject)
  if (separation(maxOfRows(scores, labels.classes.length), scoresOf(fitted, background)) >= TOO_FAR) {
    onWarning?.(
      'the pictures of the background are so unlike those of the classes that they are left out; pictures that are more like them would help to tell what is unknown',
    )
    return withThresholds(fitted, scores, reject)
  }
  const others = drawn(background, MAX_BACKGROUND)
  const withOthers: FitScore = (rows, own) => fitBackgroundScore(rows, own, others, timeSlice)
  const judged = await outOfFoldScores(withOthers, X, labels, folds, timeSlice)
  return withThresholds(await withOthers(X, labels), judged, reject)
}

/** The scores of the rows that the folds judge, fold by fold, rows x classes. */
async function outOfFoldScores(
  fitScore: FitScore,
  X: Matrix,
  labels: EncodedLabels,
  folds: readonly Fold[],
  timeSlice: TimeSlice,
): Promise<Float64Array> {
  const judged: Float64Array[] = []
  for (const { train, test } of folds) {
    await timeSlice.yield()
    // Each class has rows in two folds at least, so every training part has a row of it.
    const codes = train.map((row) => labels.codes[row])
    const fitted = await fitScore(X.select(train), { classes: labels.classes, codes })
    judged.push(knownScoresByClass(fitted, X.select(test)))
  }
  return Float64Array.from(judged.flatMap((scores) => [...scores]))
}

/** Subtracts thresholds that refuse a share of the rows with these out-of-fold scores. */
function withThresholds(fitted: KnownNumbers, outOfFold: Float64Array, reject: number): KnownNumbers {
  const scores = outOfFold.slice()
  const count = fitted.offset.length
  const greatest = maxOfRows(scores, count)
  const overall = quantile([...greatest], reject)
  const thresholds = Array.from({ length: count }, (_, code) => {
    const ofClass = [...greatest].filter((score, row) => scores[row * count + code] === score)
    return ofClass.length * reject >= REFUSED_FOR_OWN_THRESHOLD ? quantile(ofClass, reject) : overall
  })
  // Subtracting the thresholds can change which class is the most likely one, so the overall share is set once more.
  for (let at = 0; at < scores.length; at++) scores[at] -= thresholds[at % count]
  const remaining = quantile([...maxOfRows(scores, count)], reject)
  return { ...fitted, offset: fitted.offset.map((offset, code) => offset - thresholds[code] - remaining) }
}

function scoresOf(fitted: KnownNumbers, X: Matrix): Float64Array {
  return maxOfRows(knownScoresByClass(fitted, X), fitted.offset.length)
}

/** The area under the ROC curve: the probability that a known row has a higher score than another one. */
function separation(known: Float64Array, others: Float64Array): number {
  const scores = [...known, ...others]
  const { fpr, tpr } = rocCurve(
    scores.map((_, i) => i < known.length),
    scores,
  )
  return auc(fpr, tpr)
}

/** At most `most` rows, drawn with a fixed seed. */
function drawn(X: Matrix, most: number): Matrix {
  if (X.rows <= most) return X
  const rows = Array.from({ length: X.rows }, (_, row) => row)
  return X.select(new Random(0).shuffle(rows).slice(0, most))
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
