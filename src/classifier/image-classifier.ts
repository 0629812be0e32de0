import { FeatureExtractor } from '../cnn/extractor/extractor.ts'
import { type ModelSource, openModel } from '../cnn/extractor/model-source.ts'
import { checkPooling, type Pooling } from '../cnn/pool.ts'
import type { LongCall, Warned } from '../core/call-options.ts'
import { SoftmarginError } from '../core/errors.ts'
import { checkClasses, checkLabels, type Label, uniqueLabels } from '../core/labels.ts'
import type { Matrix } from '../core/matrix.ts'
import type { ImageInput } from '../image/image-input.ts'
import type { LearningCurve, LearningCurveOptions } from '../model-selection/learning-curve.ts'
import {
  type FeatureScaler,
  fitFeatureScaler,
  type Scale,
  type ScalerNumbers,
} from '../preprocessing/feature-scaler.ts'
import { SVC } from '../svm/svc.ts'
import { checkFeatureKernel } from './check-svm.ts'
import type { RankedLayer } from './choose-layer.ts'
import { classifierFromFile } from './classifier-file.ts'
import {
  type ClassifierFineTune,
  type ClassifierFitOptions,
  type ClassifierLoadOptions,
  type ClassifierOptions,
  type ClassifierProgress,
  type ClassifierRefitOptions,
  type ClassifierSearch,
  checkEvaluate,
  checkImages,
  checkLoadOptions,
  type DuplicateImages,
  type EvaluateOptions,
  type Evaluation,
  type ImagesCall,
  type NextToLabel,
  type Probability,
  type SuspectsOptions,
  type UnknownOptions,
  type UnknownSettings,
} from './classifier-options.ts'
import { type ClassifyOptions, checkTop, type RankedLabel, rankLabels } from './classify.ts'
import type { ExplainOptions, Explanation } from './explain/explain.ts'
import type { FittedSvm } from './fit-svm.ts'
import { type Extracted, ImageFeatures, type LayerJudge } from './image-features.ts'
import {
  decisionsOf,
  knownScoresOf,
  labelsOf,
  nextOf,
  type Pipeline,
  probabilitiesOf,
} from './predict-images.ts'
import type { Suspect } from './review/suspects.ts'
import { joinTrainingSets, type TrainingSet, trainingSetFrom } from './training-set.ts'

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
export type { Suspect } from './review/suspects.ts'

/** State produced by `fit` or loaded from a file. */
interface Fitted<L extends Label> extends FittedSvm<L> {
  scaler: FeatureScaler
  /** `undefined` if loaded from a file that does not record its training set. */
  trainingSet: TrainingSet<L> | undefined
  /** The group of each image of the training set, if there are groups. Not stored in saved files. */
  groups?: Label[] | undefined
  rankedLayers?: RankedLayer[] | undefined
}

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
  readonly #template: SVC<L>
  readonly #probability: Probability
  readonly #unknown: UnknownSettings | undefined
  /** Set if `fit` is to select the layer: the poolings it may choose from. */
  readonly #auto: { poolings?: readonly Pooling[] | undefined } | undefined
  /** Set if `fit` is to train the CNN. */
  readonly #fineTune: ClassifierFineTune | undefined
  /** Where features come from before the CNN is trained; each `fit` starts from it. */
  #frozen: ImageFeatures
  /** Where features come from: `#frozen`, or a trained copy of it. */
  #source: ImageFeatures
  #fitted: Fitted<L> | undefined
  /** Images passed to `add` since the last fit. */
  #added: (TrainingSet<L> & { features: Matrix })[] = []
  #disposed = false

  private constructor(
    source: ImageFeatures,
    o: {
      scale: Scale
      template: SVC<L>
      probability: Probability
      unknown: UnknownSettings | undefined
      fitted?: Fitted<L> | undefined
      auto?: { poolings?: readonly Pooling[] | undefined } | undefined
      fineTune?: ClassifierFineTune | undefined
    },
  ) {
    this.#frozen = source
    this.#source = source
    this.#fineTune = o.fineTune
    this.#auto = o.auto
    this.scale = o.scale
    this.#template = o.template
    this.#probability = o.probability
    this.#unknown = o.unknown
    this.#fitted = o.fitted
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
    const { checkOptions } = await import('./check-options.ts')
    const { extractor, svm, scale, probability, unknown, store, fineTune } = checkOptions(options)
    const parameters = svm instanceof SVC ? svm.getParams() : svm
    const template = new SVC<L>({ ...parameters, probability: probability === 'libsvm' })
    checkFeatureKernel(template)
    const given = { scale, template, probability, unknown, fineTune }
    const bundled = unknown?.background === 'default' ? await import('./background-features.ts') : undefined
    if (bundled && fineTune) throw bundled.notBundled('a CNN that fit trains')
    if (extractor instanceof FeatureExtractor) {
      bundled?.checkDefaultBackground(extractor)
      const source = new ImageFeatures(extractor, { owned: false, store })
      return new ImageClassifier(source, given)
    }
    const { layer, pooling = 'auto' } = extractor
    if (bundled && layer === 'auto') throw bundled.notBundled('the layer that fit selects')
    const auto = layer !== 'auto' ? undefined : pooling === 'auto' ? {} : { poolings: [pooling] }
    checkPooling(pooling)
    // Until `fit` selects a layer, the extractor uses the default one, which may not support the requested
    // pooling.
    const first = auto ? { ...extractor, layer: undefined, pooling: 'auto' as const } : extractor
    const made = await FeatureExtractor.create(first)
    try {
      bundled?.checkDefaultBackground(made)
    } catch (error) {
      made.dispose()
      throw error
    }
    const source = new ImageFeatures(made, { owned: true, store })
    return new ImageClassifier(source, { ...given, auto })
  }

  /** The feature extractor. With `layer: 'auto'` or `fineTune` each `fit` replaces it; see `extractor.tuning`. */
  get extractor(): FeatureExtractor {
    return this.#source.extractor
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
    this.#checkAlive()
    checkImages(images)
    checkLabels(labels, images.length, 'labels', 'images')
    checkClasses(uniqueLabels(labels, 'labels'), 'labels')
    if (o.groups !== undefined) checkLabels(o.groups, images.length, 'groups', 'images')
    const call = o as ClassifierFitOptions<L>
    const extras = { probability: this.#probability, unknown: this.#unknown }
    // Only training needs it, so a program that classifies does not load it.
    const [{ fitSvm, searchFor, searchOnHeldOut, unseenRows }, { warnOfLabels, warnOfSeenImages }] =
      await Promise.all([import('./fit-svm.ts'), import('./label-warnings.ts')])
    const planned = await searchFor<L>(this.#template, images, labels, call, extras)
    warnOfLabels(labels, o.onWarning)
    const chosen = this.#auto && (await this.#frozen.withBestLayer(images, labels, this.#judge(), o))
    const frozen = chosen?.source ?? this.#frozen
    let source = frozen
    try {
      if (this.#fineTune) source = await frozen.fineTuned(images, labels, this.#fineTune, o)
      const known = source === frozen ? chosen?.extracted : undefined
      const extracted = known ?? (await source.extract(images, o, labels))
      const unseen = unseenRows(source, extracted.read)
      const isAllSeen = source.extractor.tuning?.kept === true && unseen === undefined
      if (isAllSeen && (this.#probability || this.#unknown)) warnOfSeenImages(o.onWarning)
      const isJudged = planned !== undefined || this.#probability === true
      const compared = isJudged ? await source.extractCompared(images, extracted.read, o) : undefined
      const trainingSet = trainingSetFrom<L>(extracted, labels, unseen, compared)
      const search = await searchOnHeldOut(planned, trainingSet, (cv) =>
        searchFor<L>(this.#template, images, labels, { ...call, cv }, extras),
      )
      const scaler = await fitFeatureScaler(this.scale, extracted.features)
      const background = await this.#background(source, o)
      const given = {
        ...{ features: extracted.features, scaler, labels: trainingSet.labels, unseen, compared, background },
        ...extras,
      }
      const groups = o.groups && extracted.read.map((i) => o.groups![i])
      const fitted = await fitSvm(this.#template, given, search, { ...o, groups })
      this.#replace({ ...fitted, scaler, trainingSet, groups, rankedLayers: chosen?.ranked })
    } catch (error) {
      if (source !== frozen) source.dispose()
      chosen?.source.dispose()
      throw error
    }
    for (const old of new Set([this.#source, this.#frozen])) if (old !== frozen) old.dispose()
    this.#frozen = frozen
    this.#source = source
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
    const { trainingSet } = await this.#checkRefittable()
    checkImages(images)
    checkLabels(labels, images.length, 'labels', 'images')
    uniqueLabels<Label>([trainingSet.labels[0], ...Array.from(labels)], 'labels')
    await this.#keep(await this.#source.extract(images, o, labels), images, labels, o)
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
    const { svc, scaler, search, rankedLayers, trainingSet, features, ...last } =
      await this.#checkRefittable()
    const added = [...this.#added]
    const all = joinTrainingSets([trainingSet, ...added], [features, ...added.map((part) => part.features)])
    const groups = o.groups ? Array.from(o.groups) : added.length === 0 ? last.groups : undefined
    if (groups) checkLabels(groups, all.labels.length, 'groups', 'images')
    // Keep the fitted scaler: refitting it would change every old row and make the old dual solution useless
    // as a start.
    const extras = { probability: this.#probability, unknown: this.#unknown }
    const { fitSvm } = await import('./fit-svm.ts')
    const { backgroundRows } = await import('./review/background-score.ts')
    const background = last.known && backgroundRows(last.known.numbers)
    const given = {
      ...{ features: all.features, scaler, labels: all.labels, background },
      ...{ unseen: all.unseen, compared: all.compared },
      ...extras,
    }
    const fitted = await fitSvm(svc, given, undefined, { ...o, groups, warmStart: svc })
    const since = this.#added.slice(added.length)
    this.#replace({ ...fitted, search, scaler, rankedLayers, groups, trainingSet: all })
    this.#added = since
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
    return labelsOf<L, U>(this.#pipeline(), images, o)
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
    return probabilitiesOf<L, U>(this.#pipeline(), images, o)
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
    const { add = false } = o
    checkEvaluate(o)
    if (add) await this.#checkRefittable()
    const { evaluationOf } = await import('./evaluate-images.ts')
    const result = await evaluationOf<L | Y[number]>(this.#pipeline(), images, labels, o)
    if (add) await this.#keep(result.extracted, images, labels as ArrayLike<Label> as ArrayLike<L>, o)
    return result.evaluation
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
    return decisionsOf(this.#pipeline(), images, o)
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
    return knownScoresOf(this.#pipeline(), images, o)
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
    const { svc, scaler, trainingSet, features, ...last } = await this.#checkRefittable()
    const { groups = last.groups } = o
    if (groups) checkLabels(groups, features.rows, 'groups', 'images')
    const { suspectRows } = await import('./review/suspects.ts')
    return suspectRows(svc, scaler.kind, features, trainingSet.labels, {
      groups,
      signal: o.signal,
      onProgress: (p) => o.onProgress?.({ stage: 'svm', ...p }),
    })
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
    return nextOf(this.#pipeline(), images, n, o)
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
    const pipeline = this.#pipeline()
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
   * @param o `onProgress` counts fits, in the stage `'svm'`
   * @throws {SoftmarginError} as `suspects`; `TOO_FEW_ROWS` if a class has fewer images than there are folds
   */
  async learningCurve(
    o: LongCall<ClassifierProgress> & Pick<LearningCurveOptions, 'extrapolateTo' | 'cv'> = {},
  ): Promise<LearningCurve> {
    const { svc, scaler, trainingSet, features } = await this.#checkRefittable()
    const { learningCurve } = await import('../model-selection/learning-curve.ts')
    return learningCurve(svc, features, trainingSet.labels, {
      ...o,
      scale: scaler.kind,
      onProgress: (p) => o.onProgress?.({ stage: 'svm', ...p }),
    })
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
    const { trainingSet, features } = await this.#checkRefittable()
    const added = [...this.#added]
    const all = joinTrainingSets([trainingSet, ...added], [features, ...added.map((part) => part.features)])
    const { nearDuplicates } = await import('../model-selection/near-duplicates.ts')
    const { pairs } = await nearDuplicates(all.features, {
      similarity: o.similarity,
      signal: o.signal,
      onProgress: (p) => o.onProgress?.({ stage: 'duplicates', ...p }),
    })
    return pairs.map(({ rows: [a, b], similarity }) => ({
      indices: [a, b],
      labels: [all.labels[a], all.labels[b]],
      similarity,
    }))
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
    const fitted = this.#checkFitted()
    const { extractor } = this
    const [{ classifierToFile }, { warnOfPlainFloat32 }] = await Promise.all([
      import('./write-classifier-file.ts'),
      import('../svm/plain-float32.ts'),
    ])
    const bytes = classifierToFile(extractor, fitted)
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
    checkLoadOptions(o)
    const { signal, download, onProgress } = o
    const { model } = await openModel(source, { signal, download, onProgress })
    const { extractor, ...fitted } = await classifierFromFile<L>(model, o)
    const probability = fitted.power === undefined ? fitted.svc.getParams().probability && 'libsvm' : true
    return new ImageClassifier(new ImageFeatures(extractor, { owned: true, store: o.store }), {
      scale: fitted.scaler.kind,
      template: fitted.svc.clone({ probability: probability === 'libsvm' }),
      probability,
      unknown: fitted.known && { reject: fitted.known.reject, label: fitted.known.label },
      fitted: { ...fitted, search: undefined },
    })
  }

  /**
   * The classes in sorted order: numbers by value, strings by code unit.
   *
   * @throws {SoftmarginError} `NOT_FITTED`
   */
  get classes(): L[] {
    return this.#checkFitted().svc.classes
  }

  /**
   * The fitted SVM, which takes scaled features. With `probability: true` its `predictProba` lacks the temperature and
   * the agreement with `predict` that the classifier's have. @throws {SoftmarginError} `NOT_FITTED` */
  get svm(): SVC<L> {
    return this.#checkFitted().svc
  }

  /**
   * The fitted scaling of the features, by which `svm` has learnt: for `'standard'` the `mean` and the `scale` (standard
   * deviation) of each feature. Copies. @throws {SoftmarginError} `NOT_FITTED`
   */
  get scaler(): ScalerNumbers {
    return structuredClone(this.#checkFitted().scaler.toFile())
  }

  /** Whether `predictProba` is available. @throws {SoftmarginError} `NOT_FITTED` */
  get hasProbabilities(): boolean {
    return this.#checkFitted().svc.getParams().probability
  }

  /**
   * Results of the last `fit` with a `grid`; `undefined` after a fit without one. Not stored in saved files.
   */
  get search(): ClassifierSearch | undefined {
    return this.#checkFitted().search
  }

  /** The candidate layers of the last `fit` with `layer: 'auto'`, best first. Not stored in saved files. */
  get rankedLayers(): RankedLayer[] | undefined {
    return this.#checkFitted().rankedLayers
  }

  /**
   * Frees the fitted state and the network. A `FeatureExtractor` passed in by the caller is not disposed of.
   */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#fitted?.svc.dispose()
    this.#fitted = undefined
    this.#added = []
    for (const source of new Set([this.#source, this.#frozen])) source.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** The settings with which candidate layers are compared. */
  #judge(): LayerJudge {
    const svm = this.#template.clone({ probability: false })
    return { poolings: this.#auto?.poolings, svm, scale: this.scale }
  }

  /** The features of `unknown.background`, if there is one. */
  async #background(source: ImageFeatures, o: ImagesCall): Promise<Matrix | undefined> {
    const given = this.#unknown?.background
    if (given === undefined) return undefined
    const { backgroundFeatures } = await import('./background-features.ts')
    return backgroundFeatures(source, given, o)
  }

  #pipeline(): Pipeline<L> {
    return { source: this.#source, ...this.#checkFitted() }
  }

  #replace(fitted: Fitted<L>): void {
    this.#checkAlive()
    this.#fitted?.svc.dispose()
    this.#fitted = fitted
    this.#added = []
  }

  /** Keeps labelled images for the next `refit`. */
  async #keep(
    extracted: Extracted,
    images: readonly ImageInput[],
    labels: ArrayLike<L>,
    o: ImagesCall,
  ): Promise<void> {
    const { trainingSet } = this.#checkFitted()
    const { features, read } = extracted
    const compared = trainingSet?.compared && (await this.#source.extractCompared(images, read, o))
    this.#checkAlive()
    this.#added.push({ ...trainingSetFrom(extracted, labels, undefined, compared), features })
  }

  #checkAlive(): void {
    if (this.#disposed) {
      throw new SoftmarginError('DISPOSED', 'this ImageClassifier was disposed of; create a new one')
    }
  }

  /** The fitted state with its training features; after `load`, the features are read from the store. */
  async #checkRefittable(): Promise<Fitted<L> & { trainingSet: TrainingSet<L>; features: Matrix }> {
    const fitted = this.#checkFitted()
    const { trainingSet } = fitted
    if (trainingSet?.features) return { ...fitted, trainingSet, features: trainingSet.features }
    if (!trainingSet?.keys || !this.#source.store) {
      const missing = trainingSet?.keys
        ? 'needs the feature store that it was fitted with: load(source, { store })'
        : 'does not know its training images, because it was fitted without a feature store; call fit(images, labels) first'
      const message = `this ImageClassifier was loaded from a file and ${missing}`
      throw new SoftmarginError('NOT_FITTED', message, { argument: 'store', expected: 'a FeatureStore' })
    }
    const features = await this.#source.ofKeys(trainingSet.keys)
    this.#checkFitted()
    return { ...fitted, trainingSet, features }
  }

  #checkFitted(): Fitted<L> {
    this.#checkAlive()
    if (this.#fitted) return this.#fitted
    throw new SoftmarginError(
      'NOT_FITTED',
      'this ImageClassifier is not fitted; call fit(images, labels) first',
    )
  }
}
