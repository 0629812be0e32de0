import type { ExtractorOptions, FeatureExtractor } from '../cnn/extractor/extractor.ts'
import { checkRuntime } from '../cnn/runtime.ts'
import {
  checkFineTune,
  type FineTuneOptions,
  type FineTuneProgress,
} from '../cnn/training/fine-tune-options.ts'
import type { LongCall, Progress, Warned } from '../core/call-options.ts'
import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import type { Splitter } from '../core/folds.ts'
import { checkKnownOptions } from '../core/known-options.ts'
import type { Label } from '../core/labels.ts'
import type { ClassificationReport } from '../metrics/classification-report.ts'
import type { ConfusionMatrix } from '../metrics/metrics.ts'
import type { CvResults } from '../model-selection/grid-search.ts'
import type { ParamGrid } from '../model-selection/parameter-grid.ts'
import type { Scoring } from '../model-selection/scoring.ts'
import { checkScale, type Scale } from '../preprocessing/feature-scaler.ts'
import type { FeatureStore } from '../store/feature-store.ts'
import { isFeatureStore } from '../store/known-stores.ts'
import type { SVC, SvcOptions } from '../svm/svc.ts'

export type { Scale }

/** Options of `ImageClassifier.create`. */
export interface ClassifierOptions {
  /**
   * A feature extractor, which the caller must dispose of, or the options to create one. Default: the bundled
   * CNN. With `layer: 'auto'` each `fit` selects the layer that suits its images best.
   */
  extractor?: FeatureExtractor | ExtractorOptions | undefined
  /**
   * SVM options, or an `SVC` to copy them from; that `SVC` is not fitted itself. Default: the defaults of
   * `SVC`.
   */
  svm?: SVC | SvcOptions | undefined
  /**
   * How features are scaled before the SVM: `'standard'` (default) scales each feature to mean 0 and variance
   * 1, `'l2'` scales each image's feature vector to unit length, and `'none'` leaves the features unscaled.
   */
  scale?: Scale | undefined
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
export type ClassifierFineTune = Omit<FineTuneOptions, 'signal' | 'onProgress' | 'onUnreadable'>

/** Progress of a classifier call and the stage it is in. */
export interface ClassifierProgress
  extends Progress,
    Pick<FineTuneProgress, 'loss' | 'accuracy' | 'learningRate' | 'secondsLeft'> {
  /**
   * What `done` and `total` count: `'features'` counts images, `'layers'` counts fits during layer selection,
   * `'search'` counts fits during the grid search, and `'svm'` counts pairs of classes. While the CNN is trained,
   * `'activations'` counts images and `'training'` counts steps.
   */
  stage: 'features' | 'layers' | 'activations' | 'training' | 'search' | 'svm'
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

/** Options of `fit`. */
export interface ClassifierFitOptions<L extends Label = Label> extends ImagesCall, Warned {
  /** SVM parameters and the values to try; the best combination is used. Default: no grid search. */
  grid?: ParamGrid | readonly ParamGrid[] | undefined
  /** Number of folds, or a splitter, for the grid search and for layer selection. Default 5. */
  cv?: number | Splitter | undefined
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
export type ClassifierRefitOptions = LongCall<ClassifierProgress> & Warned

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
  /** Number of images evaluated, that is, those that could be read. */
  images: number
}

/** Validates the options and fills in defaults. @throws {SoftmarginError} `INVALID_ARGUMENT` */
export function checkOptions(
  options: ClassifierOptions,
): Required<Omit<ClassifierOptions, 'store' | 'fineTune'>> &
  Pick<ClassifierOptions, 'store'> & { fineTune: ClassifierFineTune | undefined } {
  checkKnownOptions(options, ['extractor', 'svm', 'scale', 'store', 'fineTune'])
  const { extractor = {}, svm = {}, scale = 'standard', store, fineTune = false } = options
  for (const [name, value] of Object.entries({ extractor, svm })) {
    if (value === null || typeof value !== 'object') throw invalidArgument(name, value, 'an object')
  }
  checkScale(scale)
  checkStore(store)
  return { extractor, svm, scale, store, fineTune: checkTuning(fineTune, store) }
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` */
function checkTuning(fineTune: unknown, store: unknown): ClassifierFineTune | undefined {
  if (fineTune === false) return undefined
  if (fineTune !== true && (typeof fineTune !== 'object' || fineTune === null)) {
    throw invalidArgument('fineTune', fineTune, 'true, false or an object of options')
  }
  const options = fineTune === true ? {} : (fineTune as ClassifierFineTune)
  const { signal, onProgress, onUnreadable } = options as FineTuneOptions
  for (const [name, value] of Object.entries({ signal, onProgress, onUnreadable })) {
    if (value !== undefined) throw invalidArgument(`fineTune.${name}`, value, 'passed to fit')
  }
  checkFineTune(options, 'fineTune')
  if (store !== undefined) {
    const expected = 'left out with fineTune, since features of a CNN that changes cannot be kept'
    throw invalidArgument('store', store, expected)
  }
  return options
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
export function checkLoadOptions(options: ClassifierLoadOptions): void {
  checkKnownOptions(options, Object.keys(knownOnLoad))
  checkRuntime(options.runtime ?? 'auto', 'wasm', options.executionProviders)
  checkStore(options.store)
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` for anything but a `FeatureStore` or `undefined` */
function checkStore(store: unknown): void {
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
