import type { ExtractorOptions, FeatureExtractor } from '../cnn/extractor/extractor.ts'
import { checkRuntime } from '../cnn/runtime.ts'
import type { FineTuneOptions, FineTuneProgress } from '../cnn/training/fine-tune-options.ts'
import type { LongCall, Progress, Warned } from '../core/call-options.ts'
import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import type { Splitter } from '../core/folds.ts'
import { checkKnownOptions } from '../core/known-options.ts'
import type { Label } from '../core/labels.ts'
import type { Matrix } from '../core/matrix.ts'
import type { ImageInput } from '../image/image-input.ts'
import type { ClassificationReport } from '../metrics/classification-report.ts'
import type { ConfusionMatrix } from '../metrics/metrics.ts'
import type { CvResults } from '../model-selection/grid-search.ts'
import type { ParamGrid } from '../model-selection/parameter-grid.ts'
import type { Scoring } from '../model-selection/scoring.ts'
import type { Scale, ScalerNumbers } from '../preprocessing/feature-scaler.ts'
import type { FeatureStore } from '../store/feature-store.ts'
import { isFeatureStore } from '../store/known-stores.ts'
import type { SVC, SvcOptions } from '../svm/svc.ts'

export type { Scale, ScalerNumbers }

/**
 * Whether a classifier has probabilities: `true` for calibrated ones, from folds; `'libsvm'` for those of LIBSVM.
 */
export type Probability = boolean | 'libsvm'

/**
 * How a classifier tells pictures of none of its classes.
 *
 * @typeParam U the type of `label`
 */
export interface UnknownOptions<U extends Label | null = Label | null> {
  /** Share of pictures of the known classes that is refused, above 0 and below 1. Default 0.05. */
  reject?: number | undefined
  /** What `predict` answers for a picture that is like none of the classes. Default `null`. */
  label?: U | undefined
  /**
   * Pictures of other things than the classes, at least 100, such as all kinds of pictures that may come up: a picture is
   * then known if it is more like a class than like these, which tells related things apart better if they are varied. Of
   * more than 1,000 pictures so many are drawn. `'default'` takes 700 photos of a hundred kinds of things (CIFAR-100), whose
   * features ship with the package, for the default layer of the bundled CNN. A background that is quite unlike the
   * classes, such as photos for classes of digits, is left out, with a warning. Default: none.
   */
  background?: 'default' | readonly ImageInput[] | undefined
}

/** `UnknownOptions` with their defaults. */
export type UnknownSettings = Required<Omit<UnknownOptions, 'background'>> &
  Pick<UnknownOptions, 'background'>

/** Options of `ImageClassifier.create`. */
export interface ClassifierOptions {
  /**
   * A feature extractor, which the caller must dispose of, or the options to create one. Default: the bundled
   * CNN. With `layer: 'auto'` each `fit` selects the layer that suits its images best.
   */
  extractor?: FeatureExtractor | ExtractorOptions | undefined
  /**
   * SVM options, or an `SVC` to copy them from; that `SVC` is not fitted itself. Default: the defaults of
   * `SVC`, but with `C: 3`, which suits the features of images better than 1.
   */
  svm?: SVC | SvcOptions | undefined
  /**
   * How features are scaled before the SVM: `'standard'` (default) scales each feature to mean 0 and variance
   * 1, `'l2'` scales each image's feature vector to unit length, and `'none'` leaves the features unscaled.
   */
  scale?: Scale | undefined
  /**
   * Whether to fit probabilities too. With `true`, five SVMs are fitted on folds of the images; their decision
   * values of the images that they have not seen give a sigmoid for each pair of classes and one temperature, and the
   * label of `predict` is always the most probable one. `'libsvm'` gives the probabilities of LIBSVM and scikit-learn,
   * which may disagree with `predict`. Default: `svm.probability`, which is false by default.
   */
  probability?: Probability | undefined
  /**
   * Whether to tell pictures of none of the classes: `predict` answers `null`, or `label`, for a picture that is unlike
   * everything that the classifier has learnt. Default false.
   */
  unknown?: boolean | UnknownOptions | undefined
  /**
   * Store for the features of every image the classifier processes, so that no image is extracted twice. With
   * `layer: 'auto'` it holds the features of all candidate layers.
   */
  store?: FeatureStore | undefined
  /**
   * Whether each `fit` first trains the CNN on its images, from the extractor's own weights, as
   * `FeatureExtractor.fineTune` does; `true` or its options. With a grid, the SVM's parameters are then chosen on the
   * images that the CNN has not learnt from. Not together with `store`. Default `false`.
   */
  fineTune?: boolean | ClassifierFineTune | undefined
}

/** Options of a fine-tuning within `fit`, whose own options stand for the ones that are missing here. */
export type ClassifierFineTune = Omit<FineTuneOptions, 'groups' | 'signal' | 'onProgress' | 'onUnreadable'>

/** Progress of a classifier call and the stage it is in. */
export interface ClassifierProgress
  extends Progress,
    Pick<FineTuneProgress, 'loss' | 'accuracy' | 'learningRate' | 'secondsLeft'> {
  /**
   * What `done` and `total` count: `'features'` counts images, `'layers'` counts fits during layer selection,
   * `'search'` counts fits during the grid search, `'svm'` counts pairs of classes, `'calibration'` counts
   * folds that probabilities are learnt from, `'background'` counts images of `unknown.background`, and `'duplicates'`
   * counts images that are compared. While the CNN is trained, `'activations'` counts images,
   * `'training'`, `'validation'` (further trainings, to compare on other images) and `'refit'` count steps.
   */
  stage:
    | 'features'
    | 'layers'
    | 'activations'
    | 'training'
    | 'validation'
    | 'refit'
    | 'search'
    | 'svm'
    | 'calibration'
    | 'background'
    | 'duplicates'
}

/** Options common to all calls that take images. */
export interface ImagesCall extends LongCall<ClassifierProgress> {
  /**
   * Number of images per network run; a batch may combine images of concurrent calls. It affects speed and
   * memory use, not the results. Default: as `ExtractOptions.batchSize`.
   */
  batchSize?: number | undefined
  /**
   * Called for each image that cannot be read (`IMAGE_UNREADABLE`, `FILE_UNREADABLE`); that image is skipped.
   * Without this callback the first unreadable image makes the call fail.
   */
  onUnreadable?: ((index: number, error: SoftmarginError) => void) | undefined
}

/** Options of `evaluate`. */
export interface EvaluateOptions extends ImagesCall {
  /**
   * Whether to add the images afterwards, as `add` does but without extracting their features again, so that a
   * `refit` also learns from the images that were held out for the evaluation. Default false.
   */
  add?: boolean | undefined
  /** Whether to return what was found for each image, as `details`. Default false. */
  details?: boolean | undefined
}

/** An image that is worth a label. */
export interface NextToLabel<L extends Label = Label> {
  /** Its index among the images that were passed. */
  index: number
  /** The label that the classifier would give it. */
  label: L
  /**
   * How uncertain the classifier is, from 0 to 1: 1 less the lead of that label over the second, in shares that are the
   * softmax of the classes' decision values.
   */
  uncertainty: number
}

/** Two images that are almost the same. */
export interface DuplicateImages<L extends Label = Label> {
  /** Numbers of the two images, the smaller one first. */
  indices: [number, number]
  /** Their labels. */
  labels: [L, L]
  /** How alike they are: the cosine of the angle between their standardized features, at most 1. */
  similarity: number
}

/** Options of `fit`. */
export interface ClassifierFitOptions<L extends Label = Label> extends ImagesCall, Warned {
  /** SVM parameters and the values to try; the best combination is used. Default: no grid search. */
  grid?: ParamGrid | readonly ParamGrid[] | undefined
  /**
   * Whether the grid search and `layer: 'auto'` keep what the classifier has unless something else is clearly better:
   * the parameters of `svm`, if they are in the grid, unless another candidate is better by two standard errors of
   * the difference over the folds; the default layer, unless another one is better by two standard errors of the
   * difference over the images. With `false` the best mean score decides, which with few images is often luck.
   * Default true.
   */
  cautious?: boolean | undefined
  /** Number of folds, or a splitter, for the grid search and for layer selection. Default 5. */
  cv?: number | Splitter | undefined
  /**
   * The group of each image, a string or a number: images of one group, such as views of one object or near-duplicates,
   * are never both fitted and judged: in the grid search, in layer selection, where probabilities and the threshold of
   * `unknown` come from folds, where a fine-tuning holds out images, and later in `suspects`. Default: no groups.
   */
  groups?: ArrayLike<Label> | undefined
  /** Score that the grid search maximizes. Default `'accuracy'`. */
  scoring?: Scoring<L> | undefined
}

/**
 * Options of `ImageClassifier.load`: the extractor options that a saved file does not determine, and a
 * feature store.
 */
export interface ClassifierLoadOptions
  extends Pick<
    ExtractorOptions,
    'signal' | 'threads' | 'runtime' | 'executionProviders' | 'download' | 'onProgress'
  > {
  /**
   * Feature store, as for `create`. If the classifier was fitted with a store and this one holds the same
   * features, `add` and `refit` can continue from it.
   */
  store?: FeatureStore | undefined
}

/** Options of `refit`. */
export interface ClassifierRefitOptions extends LongCall<ClassifierProgress>, Warned {
  /**
   * The group of each image passed to `fit` and `add`, and to `evaluate` with `add`, in that order, without those that
   * could not be read; see `ClassifierFitOptions.groups`. Default: those of the last fit if no image was added, and
   * otherwise no groups.
   */
  groups?: ArrayLike<Label> | undefined
}

/** Options of `suspects`. */
export interface SuspectsOptions extends LongCall<ClassifierProgress> {
  /**
   * The group of each image that the classifier has learnt from: none is judged by a fit on another image of its group.
   * Default: those of the last `fit` or `refit`.
   */
  groups?: ArrayLike<Label> | undefined
}

/** Results of a grid search. */
export interface ClassifierSearch {
  /** Parameters of the best candidate. */
  bestParams: SvcOptions
  /** Mean score of the best candidate over the folds. */
  bestScore: number
  /** Index of the best candidate in `cvResults.params`. */
  bestIndex: number
  cvResults: CvResults
}

/** Evaluation of a classifier on held-out images. */
export interface Evaluation<L extends Label = Label> {
  /** Fraction of images labelled correctly, 0 to 1. */
  accuracy: number
  /** The 95 % confidence interval of the accuracy, from its lower to its upper end (Wilson). */
  accuracyInterval: [low: number, high: number]
  /**
   * Rows are true classes, columns are predicted classes. Covers the classifier's classes and all other
   * labels that occur.
   */
  confusionMatrix: ConfusionMatrix<L>
  /**
   * Precision, recall and F1 of every class, including classes without images (their `support` is 0).
   * Averages are taken over the classes that occur as true labels or as predictions.
   */
  report: ClassificationReport<L>
  /**
   * Classes of the classifier that no image has, so that the figures do not cover them: their recall and precision in
   * `report` say nothing.
   */
  missingClasses: L[]
  /** Number of images evaluated, that is, those that could be read. */
  images: number
  /** Only with the option `details`. */
  details?: EvaluationDetails<L> | undefined
  /** Only with `unknown`. The other figures are those of the classes that the SVM finds, refused or not. */
  unknown?: UnknownEvaluation | undefined
}

/** What an evaluation found for each image that could be read. */
export interface EvaluationDetails<L extends Label = Label> {
  /** The index of each image among those that were passed. */
  indices: number[]
  /** The label that the SVM finds, also for images that `unknown` refuses. */
  predicted: L[]
  /** Decision values, in the shape of `decisionFunction`. */
  decisions: Matrix
  /** Probabilities, a column for each class, if the classifier has them. */
  probabilities?: Matrix | undefined
}

/** How well a classifier tells pictures of none of its classes. A share of no pictures is NaN. */
export interface UnknownEvaluation {
  /** Share of the pictures of known classes that were refused, 0 to 1. */
  refused: number
  /** Share of the pictures with other labels that were taken for one of the classes, 0 to 1. */
  wronglyAccepted: number
  /** Share of the accepted pictures that are labelled correctly, 0 to 1. */
  accuracyOfAccepted: number
  /** Number of pictures of known classes. */
  known: number
  /** Number of pictures with other labels. */
  others: number
}

/** The names of the options of `ImageClassifier.load`; the type makes sure that none is missing. */
const knownOnLoad: Record<keyof ClassifierLoadOptions, true> = {
  signal: true,
  threads: true,
  runtime: true,
  executionProviders: true,
  download: true,
  onProgress: true,
  store: true,
}

/** Validates the options of `load`. @throws {SoftmarginError} `INVALID_ARGUMENT`, also for an option that does not exist */
export async function checkLoadOptions(options: ClassifierLoadOptions): Promise<void> {
  checkKnownOptions(options, Object.keys(knownOnLoad))
  await checkRuntime(options.runtime ?? 'auto', 'wasm', options.executionProviders)
  checkStore(options.store)
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` for anything but a `FeatureStore` or `undefined` */
export function checkStore(store: unknown): void {
  if (store === undefined || isFeatureStore(store)) return
  throw invalidArgument('store', store, 'a FeatureStore')
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` if `images` is not an array, `EMPTY_INPUT` if it is empty */
export function checkImages(images: unknown): void {
  if (!Array.isArray(images)) throw invalidArgument('images', images, 'an array of images')
  if (images.length > 0) return
  throw new SoftmarginError('EMPTY_INPUT', 'images must hold at least one image, but is empty', {
    argument: 'images',
    received: 0,
    expected: 'at least one image',
  })
}
