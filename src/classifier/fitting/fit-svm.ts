import type { Progress } from '../../core/call-options.ts'
import type { Splitter } from '../../core/folds.ts'
import { encodeLabels } from '../../core/label-codes.ts'
import type { Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { ImageInput } from '../../image/image-input.ts'
import type { CvResults, GridSearchCV } from '../../model-selection/grid-search.ts'
import type { FeatureScaler } from '../../preprocessing/feature-scaler.ts'
import { fitFeatureScaler } from '../../preprocessing/fit-feature-scaler.ts'
import { type FitProgress, SVC, type SvcOptions, type SvcParameters } from '../../svm/svc.ts'
import { checkClassWeight, checkFeatureKernel } from '../check-svm.ts'
import type {
  ClassifierFitOptions,
  ClassifierSearch,
  Probability,
  UnknownSettings,
} from '../classifier-options.ts'
import type { ImageFeatures } from '../image-features.ts'
import { calibrateSvc } from '../review/calibrate-svc.ts'
import { checkNoveltyData, fitNoveltyScore, type NoveltyDetector } from '../review/novelty.ts'
import { checkReviewFolds, reviewFolds } from '../review/review-folds.ts'
import type { TrainingSet } from '../training-set.ts'

/**
 * By how many standard errors a candidate of a grid must be better than the SVM's own parameters, with `cautious` and if
 * these are in the grid: see bench/defaults.js.
 */
const STANDARD_ERRORS = 2

/** A fitted SVM, with the results of the grid search that selected its parameters, if there was one. */
export interface FittedSvm<L extends Label = Label> {
  svc: SVC<L>
  /** Set if its probabilities come from folds: the exponent that tempers them, see `CalibratedSvc`. */
  power?: number | undefined
  /** Set if images that belong to no class are to be detected. */
  known?: NoveltyDetector | undefined
  search: ClassifierSearch | undefined
}

/**
 * Creates the grid search that a fit asks for, if any. Everything that can be validated is validated here,
 * before the expensive feature extraction.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`, `TOO_FEW_ROWS`
 */
export async function searchFor<L extends Label>(
  template: SVC<L>,
  images: readonly ImageInput[],
  labels: ArrayLike<L>,
  { grid, cv = 5, scoring, groups, cautious = true }: ClassifierFitOptions<L>,
  { probability, unknown }: Pick<SvmFit<L>, 'probability' | 'unknown'>,
): Promise<GridSearchCV<L> | undefined> {
  checkClassWeight(template, labels)
  if (unknown) checkNoveltyData(labels, unknown.reject)
  if (unknown || probability === true) checkReviewFolds(labels, groups)
  if (grid === undefined) return undefined
  const [{ GridSearchCV }, { listCandidates }, { splitRows }, { clearlyBest }] = await Promise.all([
    import('../../model-selection/grid-search.ts'),
    import('../../model-selection/parameter-grid.ts'),
    import('../../model-selection/splits/splitter.ts'),
    import('../../model-selection/clearly-best.ts'),
  ])
  const candidates = listCandidates(grid, Object.keys(template.getParams()))
  const own = candidates.findIndex((candidate) => isPartOf(candidate, template.getParams()))
  const refit =
    cautious && own >= 0 ? (results: CvResults) => clearlyBest(results, own, STANDARD_ERRORS) : true
  const search = new GridSearchCV(template, grid, { cv, scoring, refit })
  for (const candidate of candidates) {
    const svm = template.clone(candidate)
    try {
      checkFeatureKernel(svm, 'grid.kernel')
      checkClassWeight(svm, labels)
    } finally {
      svm.dispose()
    }
  }
  if (typeof cv === 'number') await splitRows(cv, images, labels, groups)
  return search
}

/** Whether the values of some parameters are those that an SVM has. */
function isPartOf(candidate: SvcOptions, parameters: SvcParameters): boolean {
  return Object.entries(candidate).every(
    ([name, value]) => JSON.stringify(value) === JSON.stringify(parameters[name as keyof SvcParameters]),
  )
}

/** Training data, and how probabilities are computed. */
export interface SvmFit<L extends Label> {
  /** Unscaled rows, from which folds scale their own. */
  features: Matrix
  scaler: FeatureScaler
  labels: L[]
  probability: Probability
  unknown: UnknownSettings | undefined
  /** Unscaled features of images of other things, for `unknown`. */
  background?: Matrix | undefined
  /** These two as in `TrainingSet`. */
  unseen: Int32Array | undefined
  compared?: Matrix | undefined
}

/**
 * The rows of images that a CNN has not learnt from, if it was trained on others of these images.
 *
 * @param read the index of the image of each row of features
 */
export function unseenRows({ extractor }: ImageFeatures, read: readonly number[]): Int32Array | undefined {
  const { kept, validation } = extractor.tuning ?? {}
  if (!kept || !validation) return undefined
  const held = new Set(validation.rows)
  return Int32Array.from([...read.keys()].filter((row) => held.has(read[row])))
}

/**
 * The grid search for features of a CNN that was trained on some of the images: on those they look easier to tell apart
 * than on any others, so that candidates are judged on the images that were held out.
 *
 * @param planned the search that the caller asked for
 * @param set the images, with the rows of those that were held out
 * @param make makes such a search with other folds
 */
export async function searchOnHeldOut<L extends Label>(
  planned: GridSearchCV<L> | undefined,
  { labels, unseen }: TrainingSet<L>,
  make: (cv: Splitter) => Promise<GridSearchCV<L> | undefined>,
): Promise<GridSearchCV<L> | undefined> {
  if (!planned || !unseen) return planned
  planned.dispose()
  const folds = reviewFolds(encodeLabels(labels, 'labels'), { unseen })
  return make({ split: () => folds })
}

/**
 * Fits an SVM on scaled features, with probabilities if they are asked for. With a search, takes the search's best
 * estimator and disposes of the search.
 */
export async function fitSvm<L extends Label>(
  template: SVC<L>,
  fit: SvmFit<L>,
  search: GridSearchCV<L> | undefined,
  o: ClassifierFitOptions<L> & { warmStart?: SVC },
): Promise<FittedSvm<L>> {
  const X = await fit.scaler.transform(fit.features)
  const { features, labels, unknown, unseen, compared } = fit
  const { groups, signal, onWarning } = o
  const known = unknown && {
    reject: unknown.reject,
    label: unknown.label,
    numbers: await fitNoveltyScore(features, labels, unknown.reject, {
      ...{ groups, signal, onWarning, unseen },
      background: fit.background,
    }),
  }
  const fitted = { ...(await fitUncalibrated(template, X, fit, search, o)), known }
  if (fit.probability !== true) return fitted
  const { svc, power } = await calibrateSvc(fitted.svc, fit.scaler.kind, compared ?? features, labels, {
    groups: o.groups,
    signal: o.signal,
    unseen,
    onProgress: (p) => o.onProgress?.({ stage: 'calibration', ...p }),
  })
  return { ...fitted, svc, power }
}

async function fitUncalibrated<L extends Label>(
  template: SVC<L>,
  X: Matrix,
  { labels: y, probability, compared, scaler }: SvmFit<L>,
  search: GridSearchCV<L> | undefined,
  { signal, onProgress, onWarning, warmStart, groups }: ClassifierFitOptions<L> & { warmStart?: SVC },
): Promise<FittedSvm<L>> {
  if (search === undefined) {
    const svc = template.clone({ probability: probability === 'libsvm' })
    const onFit = (p: FitProgress) => onProgress?.({ stage: 'svm', ...p })
    await svc.fit(X, y, { signal, warmStart, onWarning, onProgress: onFit })
    return { svc, search }
  }
  try {
    const onSearch = (p: Progress) => onProgress?.({ stage: 'search', ...p })
    const judged = compared && (await (await fitFeatureScaler(scaler.kind, compared)).transform(compared))
    await search.fit(judged ?? X, y, { signal, onWarning, groups, onProgress: onSearch })
    const { bestParams, bestScore, bestIndex, cvResults } = search
    const best = SVC.fromState<L>(search.bestEstimator.toState())
    if (judged) await best.fit(X, y, { signal, onWarning })
    return { svc: best, search: { bestParams, bestScore, bestIndex, cvResults } }
  } finally {
    search.dispose()
  }
}
