import type { ExtractorOptions, FeatureExtractor } from '../cnn/extractor/extractor.ts'
import type { LongCall, Progress, Warned } from '../core/call-options.ts'
import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import type { Splitter } from '../core/folds.ts'
import type { Label } from '../core/labels.ts'
import type { ClassificationReport } from '../metrics/classification-report.ts'
import type { ConfusionMatrix } from '../metrics/metrics.ts'
import type { CvResults } from '../model-selection/grid-search.ts'
import type { ParamGrid } from '../model-selection/parameter-grid.ts'
import type { Scoring } from '../model-selection/scoring.ts'
import { FeatureStore } from '../store/feature-store.ts'
import type { SVC, SvcOptions } from '../svm/svc.ts'
import { checkScale, type Scale } from './feature-scaler.ts'

export type { Scale }

/** What `ImageClassifier.create` takes. */
export interface ClassifierOptions {
  /**
   * An extractor, which stays the caller's to dispose of, or the options of one. Default: the CNN that ships. With
   * `layer: 'auto'` each `fit` finds the layer that suits its images best.
   */
  extractor?: FeatureExtractor | ExtractorOptions | undefined
  /** Options of the SVM, or an `SVC` that has them; it is not fitted itself. Default: `SVC`'s own. */
  svm?: SVC | SvcOptions | undefined
  /**
   * `'standard'` (default) brings each feature to mean 0 and variance 1, `'l2'` each image's features to length
   * 1, `'none'` leaves them as the network made them.
   */
  scale?: Scale | undefined
  /**
   * Where the features of every image it sees are kept, so that none is extracted twice. With `layer: 'auto'` it
   * keeps those of all layers that the choice is made from.
   */
  store?: FeatureStore | undefined
}

/** How far a call has come, and in which part of its work. */
export interface ClassifierProgress extends Progress {
  /**
   * `'features'` counts images, `'layers'` fits of the choice of a layer, `'search'` fits of the grid search,
   * `'svm'` pairs of classes.
   */
  stage: 'features' | 'layers' | 'search' | 'svm'
}

/** What every call over images takes. */
export interface ImagesCall extends LongCall<ClassifierProgress> {
  /**
   * Images that go through the network at once, of this call and of others beside it. It changes speed and memory, not
   * the answer. Default: as `ExtractOptions.batchSize`.
   */
  batchSize?: number | undefined
  /**
   * Called for each image that cannot be read (`IMAGE_UNREADABLE`, `FILE_UNREADABLE`), which is then left out.
   * Without it the first such image ends the call.
   */
  onUnreadable?: ((index: number, error: SoftmarginError) => void) | undefined
}

/** What `fit` takes. */
export interface ClassifierFitOptions<L extends Label = Label> extends ImagesCall, Warned {
  /** Parameters of the SVM and the values to try: the best of all combinations is kept. Default: no search. */
  grid?: ParamGrid | readonly ParamGrid[] | undefined
  /** Folds of that search, and of the choice of a layer, or a splitter. Default 5. */
  cv?: number | Splitter | undefined
  /** What that search judges by. Default `'accuracy'`. */
  scoring?: Scoring<L> | undefined
}

/** What `ImageClassifier.load` takes: of the extractor's options those that a saved file does not settle, and a store. */
export interface ClassifierLoadOptions
  extends Pick<ExtractorOptions, 'signal' | 'threads' | 'download' | 'onProgress'> {
  /**
   * Where features are kept, as `create` takes it. If the classifier was fitted with a store, and this one has the
   * same features, `add` and `refit` go on from there.
   */
  store?: FeatureStore | undefined
}

/** What `refit` takes. */
export type ClassifierRefitOptions = LongCall<ClassifierProgress> & Warned

/** What a search over a grid found. */
export interface ClassifierSearch {
  /** The best candidate. */
  bestParams: SvcOptions
  /** Its mean score over the folds. */
  bestScore: number
  /** Its position in `cvResults.params`. */
  bestIndex: number
  cvResults: CvResults
}

/** How well a classifier does on images it has not seen. */
export interface Evaluation<L extends Label = Label> {
  /** The share that was labelled right, 0 to 1. */
  accuracy: number
  /** Rows true, columns predicted; every class that the classifier knows or that occurs. */
  confusionMatrix: ConfusionMatrix<L>
  /**
   * Precision, recall and f1 of every class, also of those that no image is of (their `support` is 0). The averages are
   * over the classes that occur as true labels or as predictions.
   */
  report: ClassificationReport<L>
  /** How many images were counted: those that could be read. */
  images: number
}

/** Fills in the defaults. @throws {SoftmarginError} `INVALID_ARGUMENT` */
export function checkOptions(
  options: ClassifierOptions,
): Required<Omit<ClassifierOptions, 'store'>> & Pick<ClassifierOptions, 'store'> {
  if (options === null || typeof options !== 'object') throw invalidArgument('options', options, 'an object')
  const known = ['extractor', 'svm', 'scale', 'store']
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown !== undefined) throw invalidArgument('options', unknown, `made of ${known.join(', ')}`)
  const { extractor = {}, svm = {}, scale = 'standard', store } = options
  for (const [name, value] of Object.entries({ extractor, svm })) {
    if (value === null || typeof value !== 'object') throw invalidArgument(name, value, 'an object')
  }
  checkScale(scale)
  checkStore(store)
  return { extractor, svm, scale, store }
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` for anything but a store, or none */
export function checkStore(store: unknown): void {
  if (store === undefined || store instanceof FeatureStore) return
  throw invalidArgument('store', store, 'a FeatureStore')
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` if `images` is no array, `EMPTY_INPUT` if it is empty */
export function checkImages(images: unknown): void {
  if (!Array.isArray(images)) throw invalidArgument('images', images, 'an array of images')
  if (images.length > 0) return
  throw new SoftmarginError('EMPTY_INPUT', 'images must hold at least one image, but is empty', {
    argument: 'images',
    received: 0,
    expected: 'at least one image',
  })
}
