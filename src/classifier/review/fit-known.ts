import { SoftmarginError, throwIfAborted } from '../../core/errors.ts'
import { dealFolds } from '../../core/folds.ts'
import { encodeLabels, type Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import { TimeSlice } from '../../engine/wasm/time-slice.ts'
import type { KnownNumbers } from '../../onnx/classifier/known-steps.ts'
import { classScores, fitKnownModel, greatestScores } from './known-model.ts'
import { checkTwoOfEach } from './out-of-fold.ts'

/** A fitted known score with its settings. */
export interface KnownModel {
  numbers: KnownNumbers
  /** Share of the known pictures that is refused. */
  reject: number
  /** What `predict` answers for a picture of none of the classes. */
  label: Label | null
}

const FOLDS = 5
/** Rows for which a class is the likeliest, from which on it has a threshold of its own. */
const ENOUGH = 20
/** The model has features x features numbers, so that there is a limit. */
const MOST_FEATURES = 2048

/**
 * Fits the score by which a classifier tells pictures of none of its classes, and sets its threshold, which becomes 0, so
 * that the share `reject` of the known rows is refused: by models of five folds, each of which scores the rows that it
 * has not seen. Each class that is the likeliest one of enough rows has a threshold of its own.
 *
 * @param X unscaled features
 * @throws {SoftmarginError} `TOO_FEW_ROWS`, `INVALID_ARGUMENT` for too many features, `ABORTED`
 */
export async function fitKnown(
  X: Matrix,
  y: readonly Label[],
  reject: number,
  signal: AbortSignal | undefined,
): Promise<KnownNumbers> {
  checkKnown(y, reject)
  if (X.cols > MOST_FEATURES) {
    throw new SoftmarginError(
      'INVALID_ARGUMENT',
      `unknown needs at most ${MOST_FEATURES} features, but the layer gives ${X.cols}: choose another pooling or layer`,
      { argument: 'unknown', received: X.cols, expected: `at most ${MOST_FEATURES} features` },
    )
  }
  const labels = encodeLabels(y, 'labels')
  const count = labels.classes.length
  const groups = labels.classes.map((_, code) =>
    Int32Array.from([...labels.codes.keys()].filter((row) => labels.codes[row] === code)),
  )
  const dealt = dealFolds(groups, X.rows, FOLDS, 0)
  const rows = Int32Array.from(dealt.keys())
  const timeSlice = new TimeSlice(signal)
  const scores = new Float64Array(X.rows * count)
  for (const held of new Set(dealt)) {
    throwIfAborted(signal)
    await timeSlice.yield()
    const train = rows.filter((row) => dealt[row] !== held)
    const test = rows.filter((row) => dealt[row] === held)
    // Every fold has every class, since each has two rows.
    const known = fitKnownModel(X.select(train), {
      classes: labels.classes,
      codes: train.map((row) => labels.codes[row]),
    })
    const own = classScores(known, X.select(test))
    for (const [i, row] of test.entries()) scores.set(own.subarray(i * count, (i + 1) * count), row * count)
  }
  const greatest = greatestScores(scores, count)
  const overall = quantile([...greatest], reject)
  const thresholds = labels.classes.map((_, code) => {
    const own = [...greatest].filter((score, row) => scores[row * count + code] === score)
    return own.length >= Math.max(ENOUGH, 1 / reject) ? quantile(own, reject) : overall
  })
  // With thresholds of their own the classes compete anew, so that the share of all is set once more.
  for (let at = 0; at < scores.length; at++) scores[at] -= thresholds[at % count]
  const rest = quantile([...greatestScores(scores, count)], reject)
  const known = fitKnownModel(X, labels)
  return { ...known, offset: known.offset.map((offset, code) => offset - thresholds[code] - rest) }
}

/**
 * Checks that there are enough labels to set a threshold by.
 *
 * @throws {SoftmarginError} `TOO_FEW_ROWS`
 */
export function checkKnown(y: ArrayLike<Label>, reject: number): void {
  const labels = encodeLabels(y, 'labels')
  const wanted = Math.ceil(1 / reject)
  if (y.length < wanted) {
    throw new SoftmarginError(
      'TOO_FEW_ROWS',
      `to refuse a share of ${reject} of the known images, unknown needs at least ${wanted} of them, but there are ${y.length}`,
      { argument: 'labels', received: y.length, expected: `at least ${wanted} images` },
    )
  }
  checkTwoOfEach(labels)
}

/** A value below which the share `at` of the values lies, between two of them. */
function quantile(values: number[], at: number): number {
  const sorted = values.sort((a, b) => a - b)
  const below = Math.min(sorted.length - 1, Math.max(1, Math.round(at * sorted.length)))
  return (sorted[below - 1] + sorted[below]) / 2
}
