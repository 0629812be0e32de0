import { invalidArgument, shapeMismatch } from '../core/errors.ts'

/** How often predictions of about the same probability are right. */
export interface CalibrationCurve {
  /** Share of right predictions in each bin that is not empty. */
  probTrue: number[]
  /** Mean probability of the predictions in each of these bins. */
  probPred: number[]
  /** Number of predictions in each of these bins. */
  counts: number[]
}

/**
 * Compares probabilities with how often they are right, in bins of equal width, as scikit-learn's `calibration_curve`
 * does.
 *
 * @param isTrue for each row, whether what was predicted with this probability is so
 * @param probabilities for each row, its probability, 0 to 1
 * @param nBins number of bins, 1 or more. Default 10
 * @throws {SoftmarginError} `SHAPE_MISMATCH`, `INVALID_ARGUMENT`
 */
export function calibrationCurve(
  isTrue: ArrayLike<boolean>,
  probabilities: ArrayLike<number>,
  nBins = 10,
): CalibrationCurve {
  if (!Number.isSafeInteger(nBins) || nBins < 1)
    throw invalidArgument('nBins', nBins, 'an integer of 1 or more')
  if (probabilities.length !== isTrue.length) {
    const expected = `${isTrue.length} probabilities, one for each row of isTrue`
    throw shapeMismatch('probabilities', probabilities.length, expected)
  }
  const bins = Array.from({ length: nBins }, () => ({ right: 0, sum: 0, count: 0 }))
  for (let i = 0; i < isTrue.length; i++) {
    const p = probabilities[i]
    if (!(p >= 0 && p <= 1)) throw invalidArgument(`probabilities[${i}]`, p, 'a number from 0 to 1')
    // As in scikit-learn, a probability on an edge belongs to the lower bin, and 0 to the first.
    const bin = bins[Math.max(0, Math.ceil(p * nBins) - 1)]
    bin.count++
    bin.sum += p
    if (isTrue[i]) bin.right++
  }
  const filled = bins.filter(({ count }) => count > 0)
  return {
    probTrue: filled.map(({ right, count }) => right / count),
    probPred: filled.map(({ sum, count }) => sum / count),
    counts: filled.map(({ count }) => count),
  }
}
