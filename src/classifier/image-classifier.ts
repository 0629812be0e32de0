import type { FeatureExtractor } from '../cnn/extractor/extractor.ts'
import { type ModelSource, openModel } from '../cnn/extractor/model-source.ts'
import type { LongCall, Warned } from '../core/call-options.ts'
import type { Label } from '../core/labels.ts'
import type { Matrix } from '../core/matrix.ts'
import type { ImageInput } from '../image/image-input.ts'
import type { LearningCurve, LearningCurveOptions } from '../model-selection/learning-curve.ts'
import type { Scale, ScalerNumbers } from '../preprocessing/feature-scaler.ts'
import type { SVC } from '../svm/svc.ts'
import type { RankedLayer } from './choose-layer.ts'
import { classifierFromFile } from './classifier-file.ts'
import {
  type ClassifierFitOptions,
  type ClassifierLoadOptions,
  type ClassifierOptions,
  type ClassifierProgress,
  type ClassifierRefitOptions,
  type ClassifierSearch,
  checkLoadOptions,
  type DuplicateImages,
  type EvaluateOptions,
  type Evaluation,
  type ImagesCall,
  type NextToLabel,
  type SuspectsOptions,
  type UnknownOptions,
} from './classifier-options.ts'
import {
  type ClassifierSettings,
  type ClassifierState,
  fittedOf,
  pipelineOf,
  stateOf,
} from './classifier-state.ts'
import type { ClassifyOptions, RankedLabel } from './classify.ts'
import type { ExplainOptions, Explanation } from './explain/explain.ts'
import { ImageFeatures } from './image-features.ts'
import { labelsOf } from './predict-images.ts'
import type { LeftOutImages } from './review/leave-images-out.ts'
import type { Suspect } from './review/suspects.ts'

export type {
  ClassifierFineTune,
  ClassifierFitOptions,
  ClassifierLoadOptions,
  ClassifierOptions,
  ClassifierProgress,
  ClassifierRefitOptions,
  ClassifierSearch,
  DuplicateImages,
  EvaluateOptions,
  Evaluation,
  EvaluationDetails,
  ImagesCall,
  NextToLabel,
  Probability,
  Scale,
  ScalerNumbers,
  SuspectsOptions,
  UnknownEvaluation,
  UnknownOptions,
} from './classifier-options.ts'
export type { ClassifyOptions, RankedLabel } from './classify.ts'
export type { ExplainMethod, ExplainOptions, Explanation } from './explain/explain.ts'
export type { LeftOutImage, LeftOutImages } from './review/leave-images-out.ts'
export type { Suspect } from './review/suspects.ts'

/**
 * Image classifier: a CNN extracts features, a scaler normalizes them, and an SVM classifies them.
 *
 * The network occupies WebAssembly memory until `dispose()` is called.
 *
 * @typeParam L the labels that the classifier may be fitted on and predict. `ImageClassifier.create<'cat' |
 *   'dog'>()` accepts no others. `fit` returns the classifier typed by the labels passed to it.
 * @typeParam U what `predict` may return besides: `null` or the `label` of the option `unknown`. Default: nothing
 */
export class ImageClassifier<L extends Label = Label, U extends Label | null = never> {
  /** How features are scaled before the SVM. */
  readonly scale: Scale
  readonly #state: ClassifierState<L>

  private constructor(state: ClassifierState<L>) {
    this.#state = state
    this.scale = state.scale
  }

  /**
   * Creates a classifier that is not yet fitted.
   *
   * @typeParam L the labels that it may be fitted on. Default: any
   * @typeParam U with `unknown`, the type of its `label`. Default `null`
   * @throws {SoftmarginError} `INVALID_ARGUMENT`, and the errors of `FeatureExtractor.create`
   */
  static async create<L extends Label = Label>(
    options?: ClassifierOptions & { unknown?: false | undefined },
  ): Promise<ImageClassifier<L>>
  static async create<L extends Label = Label, U extends Label | null = null>(
    options: ClassifierOptions & { unknown: true | UnknownOptions<U> },
  ): Promise<ImageClassifier<L, U>>
  static async create<L extends Label = Label>(
    options: ClassifierOptions,
  ): Promise<ImageClassifier<L, Label | null>>
  static async create<L extends Label = Label>(
    options: ClassifierOptions = {},
  ): Promise<ImageClassifier<L, Label | null>> {
    const { openClassifier } = await import('./fitting/open-classifier.ts')
    return new ImageClassifier(await openClassifier<L>(options))
  }

  /** The feature extractor. With `layer: 'auto'` or `fineTune` each `fit` replaces it; see `extractor.tuning`. */
  get extractor(): FeatureExtractor {
    return this.#state.source.extractor
  }

  /**
   * Fits the classifier on labelled images. With `grid`, the SVM parameters are selected by cross-validated
   * grid search. With `layer: 'auto'` the layer and pooling are selected first, as in `chooseLayer`, using
   * `cv` folds of these images. With `fineTune` the CNN is trained next; if the trained one is kept, a grid search,
   * probabilities and the threshold of `unknown` then have one fold instead of several: an SVM is fitted on the images
   * that the CNN has learnt from and judged on those that were held out. If `fit` throws, the previously fitted state
   * is kept.
   *
   * @param images images in any mix of types and sizes
   * @param labels one label per image, either all strings or all numbers
   * @param o.onWarning called for classes with fewer than 5 images, and if one class has 5 times as many images as
   *   another; with `fineTune: { validation: 0 }` if there are probabilities or `unknown`; and as in `SVC.fit`
   * @returns this classifier, typed by `labels`
   * @throws {SoftmarginError} `EMPTY_INPUT`, `SHAPE_MISMATCH`, `ONE_CLASS`, `TOO_FEW_ROWS` if a class has
   *   fewer images than there are folds, `IMAGE_UNREADABLE` and `FILE_UNREADABLE` naming `images[i]`,
   *   `NOT_FINITE` if the network outputs NaN, `INVALID_ARGUMENT`, `OUT_OF_MEMORY`, `ABORTED`, `DISPOSED`
   */
  async fit<Y extends ArrayLike<L>>(
    images: readonly ImageInput[],
    labels: Y,
    o: ClassifierFitOptions<Y[number]> = {},
  ): Promise<ImageClassifier<Y[number], U>> {
    const { fitClassifier } = await import('./fitting/fit-classifier.ts')
    await fitClassifier(this.#state, images, labels, o as ClassifierFitOptions<L>)
    // The classes are now exactly those of `labels`.
    return this as unknown as ImageClassifier<Y[number], U>
  }

  /**
   * Adds labelled images of existing or new classes. Their features are extracted now; call `refit` to fit on
   * them.
   *
   * After `load`, this requires the feature store that the classifier was fitted with, because a saved file
   * does not contain features.
   *
   * @throws {SoftmarginError} `NOT_FITTED`, also after `load` without such a store; `FEATURES_MISSING` if the
   *   store lacks some of the training images; otherwise as `fit`
   */
  async add(images: readonly ImageInput[], labels: ArrayLike<L>, o: ImagesCall = {}): Promise<this> {
    const { addImages } = await import('./fitting/refit-classifier.ts')
    await addImages(this.#state, images, labels, o)
    return this
  }

  /**
   * Fits on all images passed to `fit` and `add`, and to `evaluate` with `add`, warm-started from the last solution. The SVM parameters,
   * including those found by a grid search, and the feature scaling stay unchanged. If `refit` throws, the
   * previously fitted state and the added images are kept.
   *
   * @throws {SoftmarginError} `NOT_FITTED` and `FEATURES_MISSING` as `add`, `SHAPE_MISMATCH` for `groups` of another
   *   length, `TOO_FEW_ROWS`, `NOT_FINITE`, `OUT_OF_MEMORY`, `ABORTED`, `DISPOSED`
   */
  async refit(o: ClassifierRefitOptions = {}): Promise<this> {
    const { refitClassifier } = await import('./fitting/refit-classifier.ts')
    await refitClassifier(this.#state, o)
    return this
  }

  /**
   * Predicts the label of each image.
   *
   * @returns one label per image, in order; with `onUnreadable`, `null` for images that cannot be read; with `unknown`,
   *   `null`, or its `label`, for images that are like none of the classes
   * @throws {SoftmarginError} `NOT_FITTED`, `EMPTY_INPUT`, `IMAGE_UNREADABLE` and `FILE_UNREADABLE` naming
   *   `images[i]`, `INVALID_ARGUMENT`, `OUT_OF_MEMORY`, `ABORTED`, `DISPOSED`
   */
  async predict(
    images: readonly ImageInput[],
    o?: ImagesCall & { onUnreadable?: undefined },
  ): Promise<(L | U)[]>
  async predict(images: readonly ImageInput[], o: ImagesCall): Promise<(L | U | null)[]>
  async predict(images: readonly ImageInput[], o: ImagesCall = {}): Promise<(L | U | null)[]> {
    return labelsOf<L, U>(pipelineOf(this.#state), images, o)
  }

  /**
   * Predicts class probabilities. Requires a classifier created with `probability`. With `probability: true` the label
   * that `predict` gives is always the most probable one; with `'libsvm'` it usually is.
   *
   * @returns matrix [images, classes], columns in the order of `classes`; with `onUnreadable`, a row of NaN
   *   for each image that cannot be read
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for a classifier without probabilities, and the errors of
   *   `predict`
   */
  async predictProba(images: readonly ImageInput[], o: ImagesCall = {}): Promise<Matrix> {
    return (await this.predictWithProba(images, o)).probabilities
  }

  /**
   * Returns the results of both `predict` and `predictProba` from one pass over the images.
   *
   * @returns `labels` as from `predict` and `probabilities` as from `predictProba`
   * @throws {SoftmarginError} as `predictProba`
   */
  async predictWithProba(
    images: readonly ImageInput[],
    o?: ImagesCall & { onUnreadable?: undefined },
  ): Promise<{ labels: (L | U)[]; probabilities: Matrix }>
  async predictWithProba(
    images: readonly ImageInput[],
    o: ImagesCall,
  ): Promise<{ labels: (L | U | null)[]; probabilities: Matrix }>
  async predictWithProba(
    images: readonly ImageInput[],
    o: ImagesCall = {},
  ): Promise<{ labels: (L | U | null)[]; probabilities: Matrix }> {
    const pipeline = pipelineOf(this.#state)
    const { probabilitiesOf } = await import('./predict-scores.ts')
    return probabilitiesOf<L, U>(pipeline, images, o)
  }

  /**
   * Names the classes of each image with their probabilities, best first. The first one is the label of `predict`,
   * except with `probability: 'libsvm'`, where it usually is.
   *
   * @param o.top number of classes for each image. Default: all
   * @returns one list per image, in order; with `onUnreadable`, an empty list for images that cannot be read
   * @throws {SoftmarginError} as `predictProba`
   */
  async classify(images: readonly ImageInput[], o: ClassifyOptions = {}): Promise<RankedLabel<L>[][]> {
    const { top, ...call } = o
    const { checkTop, rankLabels } = await import('./classify.ts')
    checkTop(top)
    const { classes } = this
    const { probabilities } = await this.predictWithProba(images, call)
    return rankLabels(classes, probabilities, top)
  }

  /**
   * Predicts images with known labels and computes accuracy, confusion matrix and classification report.
   *
   * @param images images that were not used by `fit`
   * @param labels true labels, which may include labels that are not in `classes`
   * @throws {SoftmarginError} `SHAPE_MISMATCH`, the errors of `predict` and, with `add`, those of `add`
   */
  async evaluate<Y extends ArrayLike<Label>>(
    images: readonly ImageInput[],
    labels: Y,
    o: EvaluateOptions = {},
  ): Promise<Evaluation<L | Y[number]>> {
    const { evaluateClassifier } = await import('./evaluate-images.ts')
    return evaluateClassifier<L, Y[number]>(this.#state, images, labels, o)
  }

  /**
   * Returns the SVM's decision values for each image (signed; the margin is at +-1), in the shapes of
   * `SVC.decisionFunction`: [images, 1] for two classes, positive for `classes[1]`; for more, [images, classes] or,
   * with `shape: 'ovo'`, [images, pairs].
   *
   * @returns with `onUnreadable`, a row of NaN for each image that cannot be read
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for an unknown `shape`, and the errors of `predict`
   */
  async decisionFunction(
    images: readonly ImageInput[],
    o: ImagesCall & { shape?: 'ovr' | 'ovo' | undefined } = {},
  ): Promise<Matrix> {
    const pipeline = pipelineOf(this.#state)
    const { decisionsOf } = await import('./predict-scores.ts')
    return decisionsOf(pipeline, images, o)
  }

  /**
   * Returns how alike each image is to what the classifier has learnt: higher is more alike, and 0 is the threshold at
   * and below which `predict` refuses it. Requires a classifier created with `unknown`.
   *
   * The score is a log likelihood ratio by feature: of an image of the likeliest class to an image of a class of which
   * nothing is known. With a background it also compares the image with that, in three ways (docs/guide/how-sure.md). It
   * comes from the features alone, not from the SVM.
   *
   * @returns with `onUnreadable`, NaN for each image that cannot be read
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for a classifier without `unknown`, and the errors of `predict`
   */
  async knownScore(images: readonly ImageInput[], o: ImagesCall = {}): Promise<Float64Array> {
    const pipeline = pipelineOf(this.#state)
    const { knownScoresOf } = await import('./predict-scores.ts')
    return knownScoresOf(pipeline, images, o)
  }

  /**
   * Lists the training images whose labels may be wrong, the most suspect first: those for which SVMs fitted on other
   * images find another label more probable. Five SVMs are fitted, each on four fifths of the images of `fit` or the
   * last `refit`; the classifier itself does not change.
   *
   * @param o `onProgress` counts these fits, in the stage `'svm'`
   * @returns `index` counts the images that could be read, in the order in which they were passed to `fit` and `add`
   * @throws {SoftmarginError} `NOT_FITTED`, also after `load` without the feature store that the classifier was
   *   fitted with; `FEATURES_MISSING` if the store lacks some of the images; `TOO_FEW_ROWS` if a class has a single
   *   image or group; `SHAPE_MISMATCH` for `groups` of another length; `ABORTED`, `DISPOSED`, `OUT_OF_MEMORY`
   */
  async suspects(o: SuspectsOptions = {}): Promise<Suspect<L>[]> {
    const { suspectsOf } = await import('./fitting/training-images.ts')
    return suspectsOf(this.#state, o)
  }

  /**
   * Leave-one-out: predicts each training image by the classifier's SVM fitted on all others, from one fit and those that
   * it leaves to do (see the function `leaveOneOut`). No image is lost to training. From some 20 images of each class on, its
   * accuracy is a better guess than that of a hold-out of a fifth; with fewer it is too low, because the class of the image
   * that is left out is then smaller than the others. The scaling of the features, gamma `'scale'` and the class weights
   * `'balanced'` are those of all images, and so are the layer, the CNN and the parameters that `fit` chose: what was
   * chosen on these images makes the accuracy slightly optimistic, and copies of an image make it too high.
   *
   * After fine-tuning only the images that the CNN has not learnt from are judged.
   *
   * @param o `onProgress` counts images, once for each other class, in the stage `'svm'`
   * @throws {SoftmarginError} `NOT_FITTED` and `FEATURES_MISSING` as `suspects`; `INVALID_ARGUMENT` if `fit` was given
   *   `groups`, of which a single image cannot be left out, or trained the CNN on all images; `TOO_FEW_ROWS` if one of two
   *   classes has a single image; `ABORTED`, `DISPOSED`, `OUT_OF_MEMORY`
   */
  async leaveOneOut(o: LongCall<ClassifierProgress> = {}): Promise<LeftOutImages<L>> {
    const { leaveOneOutOf } = await import('./fitting/training-images.ts')
    return leaveOneOutOf(this.#state, o)
  }

  /**
   * Chooses the images whose labels would teach the classifier most, for you to label: each stands for many others that
   * it is uncertain about, and is unlike those that it knows and the others that are chosen. Add them with `add` and `refit`, then ask again; a tenth to a half as many images as the
   * classifier has learnt from is a good number for each turn.
   *
   * The choice is greedy: the next image is the one that adds most to the sum over all images of their uncertainty
   * times their similarity, by the scaled features, to the nearest image that is known or chosen (facility location
   * weighted by uncertainty; Wei, Iyer and Bilmes, ICML 2015). Of more than 4,000 images so many are drawn with a fixed
   * seed. The same images give the same choice.
   *
   * @param images images without labels
   * @param n how many to choose, 1 or more; if there are fewer images, all are returned
   * @returns those that teach most first; with `onUnreadable`, without images that cannot be read
   * @throws {SoftmarginError} `INVALID_ARGUMENT`, and the errors of `predict`
   */
  async nextToLabel(images: readonly ImageInput[], n: number, o: ImagesCall = {}): Promise<NextToLabel<L>[]> {
    const pipeline = pipelineOf(this.#state)
    const { nextOf } = await import('./predict-scores.ts')
    return nextOf(pipeline, images, n, o)
  }

  /**
   * Shows which parts of an image make the classifier find a label: leaves windows out, one after the other, and asks by
   * how much that lowers the SVM's decision values. Windows are left out of the averages of the network's last maps
   * (`method: 'layer'`), or of the image, where its mean colour replaces them (`'occlusion'`; Zeiler and Fergus, ECCV
   * 2014). The same image gives the same map.
   *
   * @param image one image
   * @param o `onProgress` counts runs of the network, in the stage `'features'`
   * @throws {SoftmarginError} `NOT_FITTED`; `INVALID_ARGUMENT`, also for a `label` that is not in `classes`, for an array
   *   of images, and for `'layer'` if the features are not averages of maps, or computed from such averages alone;
   *   `IMAGE_UNREADABLE`, `FILE_UNREADABLE`, `OUT_OF_MEMORY`, `ABORTED`, `DISPOSED`
   */
  async explain(image: ImageInput, o: ExplainOptions<L> = {}): Promise<Explanation<L>> {
    const pipeline = pipelineOf(this.#state)
    const { explainImage } = await import('./explain/explain.ts')
    return explainImage(pipeline, image, o)
  }

  /**
   * Cross-validates the classifier's SVM on a quarter, a half and all of its training images, and guesses its accuracy
   * with other numbers of images. The layer, the CNN and the parameters of the SVM stay as they are. The difference
   * between two such guesses, added to an accuracy on held-out images, is a better guess than either alone.
   *
   * @param o.extrapolateTo numbers of images to guess for. Default as many as it has learnt from, and twice as many
   * @param o.cv number of folds, or a splitter. Default 5
   * @param o.groups the group of each image, which no fold divides. Default: those of the last fit
   * @param o `onProgress` counts fits, in the stage `'svm'`
   * @throws {SoftmarginError} as `suspects`; `TOO_FEW_ROWS` if a class has fewer images, or groups, than there are folds
   */
  async learningCurve(
    o: LongCall<ClassifierProgress> & Pick<LearningCurveOptions, 'extrapolateTo' | 'cv' | 'groups'> = {},
  ): Promise<LearningCurve> {
    const { learningCurveOf } = await import('./fitting/training-images.ts')
    return learningCurveOf(this.#state, o)
  }

  /**
   * Finds pairs of images that are almost the same, the most alike first, by the classifier's features, among the
   * images that were passed to `fit` and `add`, and to `evaluate` with `add`. Of such a pair with two labels one label
   * is wrong; a pair with one image to learn from and one held out makes an evaluation too favourable.
   *
   * @param o.similarity as in `nearDuplicates`; default 0.98
   * @returns `indices` counts the images that could be read, in the order in which they were passed
   * @throws {SoftmarginError} as `suspects`, and `INVALID_ARGUMENT`
   */
  async nearDuplicates(
    o: LongCall<ClassifierProgress> & { similarity?: number | undefined } = {},
  ): Promise<DuplicateImages<L>[]> {
    const { duplicatesOf } = await import('./fitting/training-images.ts')
    return duplicatesOf(this.#state, o)
  }

  /**
   * Serializes the whole classifier to one standard .onnx file that any ONNX Runtime can run.
   *
   * The input `pixel_values` is float32 [N, channels, H, W], preprocessed images. The outputs are `label`,
   * `scores` and `features`. For two classes, `scores` has one column per class and the larger value marks
   * the label. For more classes it has one column per pair of classes, positive for the first class of the
   * pair, as `svm.decisionFunction` returns with `shape: 'ovo'`. A classifier with probabilities has the
   * output `probabilities`, one column per class, instead of `scores`. The same classifier always produces
   * the same bytes.
   *
   * @param o.onWarning called if a runtime that computes kernel values in plain float32 would label some of
   *   the training images differently
   * @throws {SoftmarginError} `NOT_FITTED`, `MODEL_UNSUPPORTED`, `DISPOSED`
   */
  async save(o: Warned = {}): Promise<Uint8Array<ArrayBuffer>> {
    const fitted = fittedOf(this.#state)
    const { extractor } = this
    const [{ classifierToFile }, { warnOfPlainFloat32 }] = await Promise.all([
      import('./write-classifier-file.ts'),
      import('../svm/plain-float32.ts'),
    ])
    const bytes = await classifierToFile(extractor, fitted)
    await warnOfPlainFloat32(fitted.svc.toState(), o.onWarning)
    return bytes
  }

  /**
   * Loads a classifier written by `save`. Its predictions are bit-identical to those of the saved one, unless
   * `runtime` sends its network elsewhere.
   *
   * @typeParam L the labels that the file is known to hold; they are not checked
   * @typeParam U what `predict` may return besides, if the file is known to have been trained with `unknown`: `null`, or
   *   the type of its `label`. Default: nothing
   * @param source the file's bytes, a Blob, a path, a URL or `'hf:owner/name/file'`
   * @param o `download` and `onProgress` apply to downloaded sources: how to download, and progress in bytes
   * @throws {SoftmarginError} `FILE_UNREADABLE`, `MODEL_UNREADABLE`, `MODEL_UNSUPPORTED`, `INVALID_ARGUMENT`,
   *   `ABORTED`
   */
  static async load<L extends Label = Label, U extends Label | null = never>(
    source: ModelSource,
    o: ClassifierLoadOptions = {},
  ): Promise<ImageClassifier<L, U>> {
    await checkLoadOptions(o)
    const { signal, download, onProgress } = o
    const { model } = await openModel(source, { signal, download, onProgress })
    const { extractor, ...fitted } = await classifierFromFile<L>(model, o)
    const probability = fitted.power === undefined ? fitted.svc.getParams().probability && 'libsvm' : true
    const settings: ClassifierSettings<L> = {
      scale: fitted.scaler.kind,
      template: fitted.svc.clone({ probability: probability === 'libsvm' }),
      probability,
      unknown: fitted.known && { reject: fitted.known.reject, label: fitted.known.label },
    }
    const features = new ImageFeatures(extractor, { owned: true, store: o.store })
    return new ImageClassifier(stateOf(features, settings, { ...fitted, search: undefined }))
  }

  /**
   * The classes in sorted order: numbers by value, strings by code unit.
   *
   * @throws {SoftmarginError} `NOT_FITTED`
   */
  get classes(): L[] {
    return fittedOf(this.#state).svc.classes
  }

  /**
   * The fitted SVM, which takes scaled features. With `probability: true` its `predictProba` lacks the temperature and
   * the agreement with `predict` that the classifier's have. @throws {SoftmarginError} `NOT_FITTED` */
  get svm(): SVC<L> {
    return fittedOf(this.#state).svc
  }

  /**
   * The fitted scaling of the features, by which `svm` has learnt: for `'standard'` the `mean` and the `scale` (standard
   * deviation) of each feature. Copies. @throws {SoftmarginError} `NOT_FITTED`
   */
  get scaler(): ScalerNumbers {
    return structuredClone(fittedOf(this.#state).scaler.toFile())
  }

  /** Whether `predictProba` is available. @throws {SoftmarginError} `NOT_FITTED` */
  get hasProbabilities(): boolean {
    return fittedOf(this.#state).svc.getParams().probability
  }

  /**
   * Results of the last `fit` with a `grid`; `undefined` after a fit without one. Not stored in saved files.
   */
  get search(): ClassifierSearch | undefined {
    return fittedOf(this.#state).search
  }

  /** The candidate layers of the last `fit` with `layer: 'auto'`, best first. Not stored in saved files. */
  get rankedLayers(): RankedLayer[] | undefined {
    return fittedOf(this.#state).rankedLayers
  }

  /**
   * Frees the fitted state and the network. A `FeatureExtractor` passed in by the caller is not disposed of.
   */
  dispose(): void {
    const state = this.#state
    if (state.isDisposed) return
    state.isDisposed = true
    state.fitted?.svc.dispose()
    state.fitted = undefined
    state.added = []
    for (const source of new Set([state.source, state.frozen])) source.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
