import { log } from '../../core/exp-log.ts'
import type { EncodedLabels } from '../../core/label-codes.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { KnownNumbers } from '../../onnx/classifier/read-steps.ts'
import { timesUpper } from './times-upper.ts'
import { classCentres, inverseFactor, meanOfRows, withinCovariance } from './whitening.ts'

/** Shrinkage of the within-class covariance towards its diagonal. Chosen on photos and digits: see bench/unknown.js. */
const SHRINKAGE = 0.5
/** Between-class variance as a multiple of the within-class variance. Chosen in the same way. */
const BETWEEN = 0.3

/**
 * Fits probabilistic linear discriminant analysis (PLDA; S. Ioffe, ECCV 2006) with one within-class covariance, shrunk
 * towards its diagonal, and a between-class covariance that is a multiple of it. The model gives, for each row and class,
 * the log likelihood ratio of the row coming from that class rather than from an unseen one, divided by the number of
 * features.
 *
 * @param X unscaled features; each class has at least one row
 * @returns the scores' numbers, with no threshold in `offset` yet: `fitNoveltyScore` subtracts it
 */
export function fitPlda(X: Matrix, labels: EncodedLabels): KnownNumbers {
  const features = X.cols
  const count = labels.classes.length
  const { centres, sizes } = classCentres(X, labels)
  const mean = meanOfRows(centres)
  const whiten = inverseFactor(withinCovariance(X, labels, centres, SHRINKAGE), features)
  const linear = new Float32Array(features * count)
  const quadratic = new Float32Array(count)
  const offset = new Float32Array(count)
  const centred = new Float64Array(features)
  for (let c = 0; c < count; c++) {
    const evidence = sizes[c] * BETWEEN
    // The variance of a new row of the class, given its rows.
    const variance = 1 + BETWEEN / (1 + evidence)
    for (let f = 0; f < features; f++) centred[f] = centres[c][f] - mean[f]
    const white = timesUpper(centred, whiten)
    let square = 0
    for (let f = 0; f < features; f++) {
      const posteriorMean = (white[f] * evidence) / (1 + evidence)
      linear[f * count + c] = posteriorMean / variance / features
      square += posteriorMean * posteriorMean
    }
    quadratic[c] = (1 / (1 + BETWEEN) - 1 / variance) / 2 / features
    offset[c] = (log((1 + BETWEEN) / variance) - square / variance / features) / 2
  }
  return { mean, whiten, linear, quadratic, offset }
}
