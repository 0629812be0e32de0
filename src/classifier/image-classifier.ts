import { FeatureExtractor } from '../cnn/extractor/extractor.ts'
import { type ModelSource, openModel } from '../cnn/extractor/model-source.ts'
import { checkPooling, type Pooling } from '../cnn/pool.ts'
import type { Warned } from '../core/call-options.ts'
import { SoftmarginError } from '../core/errors.ts'
import { checkClasses, checkLabels, type Label, uniqueLabels } from '../core/labels.ts'
import type { Matrix } from '../core/matrix.ts'
import type { ImageInput } from '../image/image-input.ts'
import { warnOfPlainFloat32 } from '../svm/plain-float32.ts'
import { SVC } from '../svm/svc.ts'
import { checkFeatureKernel } from './check-svm.ts'
import type { RankedLayer } from './choose-layer.ts'
import { classifierFromFile, classifierToFile } from './classifier-file.ts'
import {
  type ClassifierFitOptions,
  type ClassifierLoadOptions,
  type ClassifierOptions,
  type ClassifierRefitOptions,
  type ClassifierSearch,
  checkImages,
  checkOptions,
  checkStore,
  type Evaluation,
  type ImagesCall,
} from './classifier-options.ts'
import { type FeatureScaler, fitFeatureScaler, type Scale } from './feature-scaler.ts'
import { type FittedSvm, fitSvm, searchFor } from './fit-svm.ts'
import { ImageFeatures, type LayerJudge } from './image-features.ts'
import { evaluationOf, labelsOf, type Pipeline, probabilitiesOf } from './predict-images.ts'
import { joinTrainingSets, type TrainingSet, trainingSetFrom } from './training-set.ts'

export type {
  ClassifierFitOptions,
  ClassifierLoadOptions,
  ClassifierOptions,
  ClassifierProgress,
  ClassifierRefitOptions,
  ClassifierSearch,
  Evaluation,
  ImagesCall,
  Scale,
} from './classifier-options.ts'

/** What `fit` learns. */
interface Fitted<L extends Label> extends FittedSvm<L> {
  scaler: FeatureScaler
  /** `undefined` for a file that does not tell. */
  learnt: TrainingSet<L> | undefined
  rankedLayers?: RankedLayer[] | undefined
}

/**
 * From image to label: a CNN makes features, they are scaled, an SVM decides.
 *
 * It holds a network in WebAssembly memory: `dispose()` frees it.
 *
 * @typeParam L the labels that it may learn and predict. `ImageClassifier.create<'cat' | 'dog'>()` takes no others, and
 *   `fit` answers a classifier of the labels that it was given.
 */
export class ImageClassifier<L extends Label = Label> {
  /** What is done to features before the SVM sees them. */
  readonly scale: Scale
  readonly #template: SVC<L>
  /** What `fit` may choose from, if it is to choose the layer. */
  readonly #auto: { poolings?: readonly Pooling[] | undefined } | undefined
  #source: ImageFeatures
  #fitted: Fitted<L> | undefined
  /** What `add` was given since the last fit. */
  #added: (TrainingSet<L> & { features: Matrix })[] = []
  #disposed = false

  private constructor(
    source: ImageFeatures,
    o: {
      scale: Scale
      template: SVC<L>
      fitted?: Fitted<L> | undefined
      auto?: { poolings?: readonly Pooling[] | undefined } | undefined
    },
  ) {
    this.#source = source
    this.#auto = o.auto
    this.scale = o.scale
    this.#template = o.template
    this.#fitted = o.fitted
  }

  /**
   * A classifier that has learnt nothing yet.
   *
   * @typeParam L the labels that it may learn. Default: any
   * @throws {SoftmarginError} `INVALID_ARGUMENT`, and as `FeatureExtractor.create`
   */
  static async create<L extends Label = Label>(options: ClassifierOptions = {}): Promise<ImageClassifier<L>> {
    const { extractor, svm, scale, store } = checkOptions(options)
    const template = new SVC<L>(svm instanceof SVC ? svm.getParams() : svm)
    checkFeatureKernel(template)
    if (extractor instanceof FeatureExtractor) {
      return new ImageClassifier(new ImageFeatures(extractor, { owned: false, store }), { scale, template })
    }
    const { layer, pooling = 'auto' } = extractor
    const auto = layer !== 'auto' ? undefined : pooling === 'auto' ? {} : { poolings: [pooling] }
    checkPooling(pooling)
    // Until a layer is chosen it stands at the default one, to which not every pooling fits.
    const first = auto ? { ...extractor, layer: undefined, pooling: 'auto' as const } : extractor
    const made = await FeatureExtractor.create(first)
    return new ImageClassifier(new ImageFeatures(made, { owned: true, store }), { scale, template, auto })
  }

  /** What turns images into features. With `layer: 'auto'` each `fit` puts another one here. */
  get extractor(): FeatureExtractor {
    return this.#source.extractor
  }

  /**
   * Learns from labelled images; with `grid`, also which parameters suit them best. If it throws, what was
   * learnt before is still there. With `layer: 'auto'` the layer and the pooling are chosen first, as
   * `chooseLayer` does, on `cv` folds of these images.
   *
   * @param images of any mix of kinds and sizes
   * @param labels one for each image, all text or all numbers
   * @returns this classifier, typed by `labels`
   * @throws {SoftmarginError} `EMPTY_INPUT`, `SHAPE_MISMATCH`, `ONE_CLASS`, `TOO_FEW_ROWS` if a class has fewer
   *   images than there are folds, `IMAGE_UNREADABLE` and `FILE_UNREADABLE` naming `images[i]`, `NOT_FINITE` for
   *   a network that answers NaN, `INVALID_ARGUMENT`, `OUT_OF_MEMORY`, `ABORTED`, `DISPOSED`
   */
  async fit<Y extends ArrayLike<L>>(
    images: readonly ImageInput[],
    labels: Y,
    o: ClassifierFitOptions<Y[number]> = {},
  ): Promise<ImageClassifier<Y[number]>> {
    this.#checkAlive()
    checkImages(images)
    checkLabels(labels, images.length, 'labels', 'images')
    checkClasses(uniqueLabels(labels, 'labels'), 'labels')
    const search = searchFor<L>(this.#template, images, labels, o as ClassifierFitOptions<L>)
    const chosen = this.#auto && (await this.#source.withBestLayer(images, labels, this.#judge(), o))
    try {
      const extracted = chosen?.extracted ?? (await this.#source.extract(images, o, labels))
      const learnt = trainingSetFrom<L>(extracted, labels)
      const scaler = await fitFeatureScaler(this.scale, extracted.features)
      const X = await scaler.transform(extracted.features)
      const machine = await fitSvm(this.#template, X, learnt.labels, search, o)
      this.#replace({ ...machine, scaler, learnt, rankedLayers: chosen?.ranked })
    } catch (error) {
      chosen?.source.dispose()
      throw error
    }
    if (chosen) {
      this.#source.dispose()
      this.#source = chosen.source
    }
    // The classes that it has now are those of the labels.
    return this as unknown as ImageClassifier<Y[number]>
  }

  /**
   * More labelled images, of old classes or of new ones: their features are extracted, and `refit` learns from them.
   *
   * After `load` it takes the feature store that the classifier was fitted with: a file does not hold features.
   *
   * @throws {SoftmarginError} `NOT_FITTED`, also after `load` without such a store; `FEATURES_MISSING` if the store
   *   lacks some of the images that were learnt from; else as `fit`
   */
  async add(images: readonly ImageInput[], labels: ArrayLike<L>, o: ImagesCall = {}): Promise<this> {
    const { learnt } = await this.#checkRefittable()
    checkImages(images)
    checkLabels(labels, images.length, 'labels', 'images')
    uniqueLabels<Label>([learnt.labels[0], ...Array.from(labels)], 'labels')
    const extracted = await this.#source.extract(images, o, labels)
    this.#checkFitted()
    this.#added.push({ ...trainingSetFrom(extracted, labels), features: extracted.features })
    return this
  }

  /**
   * Learns from all images of `fit` and `add`, starting from where the last fit ended. The parameters of the SVM,
   * those that a search found too, and the scaling of the features stay as they are. If it throws, what was
   * learnt before is still there, and so is what was added.
   *
   * @throws {SoftmarginError} `NOT_FITTED` and `FEATURES_MISSING` as `add`, `NOT_FINITE`, `OUT_OF_MEMORY`,
   *   `ABORTED`, `DISPOSED`
   */
  async refit(o: ClassifierRefitOptions = {}): Promise<this> {
    const { svc, scaler, search, rankedLayers, learnt, features } = await this.#checkRefittable()
    const added = [...this.#added]
    const all = joinTrainingSets([learnt, ...added], [features, ...added.map((part) => part.features)])
    // Scaled afresh, no old row would be what it was, and the old duals would be of no use.
    const X = await scaler.transform(all.features)
    const machine = await fitSvm(svc, X, all.labels, undefined, { ...o, warmStart: svc })
    const since = this.#added.slice(added.length)
    this.#replace({ ...machine, search, scaler, rankedLayers, learnt: all })
    this.#added = since
    return this
  }

  /**
   * The label of each image.
   *
   * @returns a label for each image, in their order; with `onUnreadable`, `null` for those that cannot be read
   * @throws {SoftmarginError} `NOT_FITTED`, `EMPTY_INPUT`, `IMAGE_UNREADABLE` and `FILE_UNREADABLE` naming
   *   `images[i]`, `INVALID_ARGUMENT`, `OUT_OF_MEMORY`, `ABORTED`, `DISPOSED`
   */
  async predict(images: readonly ImageInput[], o?: ImagesCall & { onUnreadable?: undefined }): Promise<L[]>
  async predict(images: readonly ImageInput[], o: ImagesCall): Promise<(L | null)[]>
  async predict(images: readonly ImageInput[], o: ImagesCall = {}): Promise<(L | null)[]> {
    return labelsOf(this.#pipeline(), images, o)
  }

  /**
   * The probability of each class, for a classifier made with `svm: { probability: true }`.
   *
   * @returns images x classes, columns in the order of `classes`; with `onUnreadable`, a row of NaN for each image
   *   that cannot be read
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for a classifier without probabilities, and as `predict`
   */
  async predictProba(images: readonly ImageInput[], o: ImagesCall = {}): Promise<Matrix> {
    return (await this.predictWithProba(images, o)).probabilities
  }

  /**
   * What `predict` and `predictProba` answer, from one pass over the images. The label is the one that most pairs
   * of classes vote for; it is mostly, but not always, the one with the largest probability.
   *
   * @returns `labels` as `predict` and `probabilities` as `predictProba` answer them
   * @throws {SoftmarginError} as `predictProba`
   */
  async predictWithProba(
    images: readonly ImageInput[],
    o?: ImagesCall & { onUnreadable?: undefined },
  ): Promise<{ labels: L[]; probabilities: Matrix }>
  async predictWithProba(
    images: readonly ImageInput[],
    o: ImagesCall,
  ): Promise<{ labels: (L | null)[]; probabilities: Matrix }>
  async predictWithProba(
    images: readonly ImageInput[],
    o: ImagesCall = {},
  ): Promise<{ labels: (L | null)[]; probabilities: Matrix }> {
    return probabilitiesOf(this.#pipeline(), images, o)
  }

  /**
   * Predicts images whose labels are known, and counts.
   *
   * @param images that `fit` has not seen
   * @param labels the true ones; they need not all be among `classes`
   * @throws {SoftmarginError} `SHAPE_MISMATCH`, and as `predict`
   */
  async evaluate<Y extends ArrayLike<Label>>(
    images: readonly ImageInput[],
    labels: Y,
    o: ImagesCall = {},
  ): Promise<Evaluation<L | Y[number]>> {
    return evaluationOf<L | Y[number]>(this.#pipeline(), images, labels, o)
  }

  /**
   * The whole classifier as the bytes of one standard .onnx file, which any ONNX Runtime runs.
   *
   * Input `pixel_values` float32 [N, channels, H, W], as preprocessing leaves images. Outputs: `label`; `scores`,
   * for two classes a column each, the greater one the label's, for more a column for each pair of classes, above
   * 0 for the first of the pair, as `svm.decisionFunction` with `shape: 'ovo'` has it; `features`. A classifier
   * with probabilities answers them in place of the scores, as `probabilities`, a column for each class. The same
   * classifier always gives the same bytes.
   *
   * @param o.onWarning told where another runtime, whose kernel values are plain float32, would label some of what was
   *   learnt from otherwise
   * @throws {SoftmarginError} `NOT_FITTED`, `MODEL_UNSUPPORTED`, `DISPOSED`
   */
  async save(o: Warned = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { svc, scaler, learnt } = this.#checkFitted()
    const bytes = await classifierToFile(this.extractor, scaler, svc, learnt)
    await warnOfPlainFloat32(svc.toState(), o.onWarning)
    return bytes
  }

  /**
   * Reads what `save` wrote. The classifier predicts the same, bit for bit.
   *
   * @typeParam L the labels that the file is known to have; they are not checked
   * @param source bytes of the file, a Blob, a path, a URL or `'hf:owner/name/file'`
   * @param o `download` and `onProgress` are of a source that is downloaded: how, and how far it is, in bytes
   * @throws {SoftmarginError} `FILE_UNREADABLE`, `MODEL_UNREADABLE`, `MODEL_UNSUPPORTED`, `INVALID_ARGUMENT`, `ABORTED`
   */
  static async load<L extends Label = Label>(
    source: ModelSource,
    o: ClassifierLoadOptions = {},
  ): Promise<ImageClassifier<L>> {
    checkStore(o.store)
    const { signal, download, onProgress } = o
    const { model } = await openModel(source, { signal, download, onProgress })
    const { extractor, scaler, svc, learnt } = await classifierFromFile<L>(model, o)
    return new ImageClassifier(new ImageFeatures(extractor, { owned: true, store: o.store }), {
      scale: scaler.kind,
      template: svc.clone(),
      fitted: { svc, scaler, learnt, search: undefined },
    })
  }

  /** The classes, sorted: numbers by value, strings by code unit. @throws {SoftmarginError} `NOT_FITTED` */
  get classes(): L[] {
    return this.#checkFitted().svc.classes
  }

  /** The machine that decides, fitted on scaled features. @throws {SoftmarginError} `NOT_FITTED` */
  get svm(): SVC<L> {
    return this.#checkFitted().svc
  }

  /** Whether `predictProba` can answer. @throws {SoftmarginError} `NOT_FITTED` */
  get hasProbabilities(): boolean {
    return this.#checkFitted().svc.getParams().probability
  }

  /** What the last `fit` with a `grid` found, `undefined` after one without. A saved file does not hold it. */
  get search(): ClassifierSearch | undefined {
    return this.#checkFitted().search
  }

  /** The layers that the last `fit` with `layer: 'auto'` chose from, the best first. A saved file has none. */
  get rankedLayers(): RankedLayer[] | undefined {
    return this.#checkFitted().rankedLayers
  }

  /** Frees the network, unless it was handed in as a `FeatureExtractor`, and what was learnt. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#fitted?.svc.dispose()
    this.#fitted = undefined
    this.#added = []
    this.#source.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** What the choice of a layer goes by. */
  #judge(): LayerJudge {
    const svm = this.#template.clone({ probability: false })
    return { poolings: this.#auto?.poolings, svm, scale: this.scale }
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

  #checkAlive(): void {
    if (this.#disposed) {
      throw new SoftmarginError('DISPOSED', 'this ImageClassifier was disposed of: make a new one')
    }
  }

  /** What was learnt, with the features that it was learnt from, which after `load` wait in the store. */
  async #checkRefittable(): Promise<Fitted<L> & { learnt: TrainingSet<L>; features: Matrix }> {
    const fitted = this.#checkFitted()
    const { learnt } = fitted
    if (learnt?.features) return { ...fitted, learnt, features: learnt.features }
    if (!learnt?.keys || !this.#source.store) {
      const missing = learnt?.keys
        ? 'the feature store that it was fitted with is missing: load(source, { store })'
        : 'which does not tell what it learnt from: call fit(images, labels) first, with a feature store to refit later files'
      const message = `this ImageClassifier comes from a file, ${missing}`
      throw new SoftmarginError('NOT_FITTED', message, { argument: 'store', expected: 'a FeatureStore' })
    }
    const features = await this.#source.ofKeys(learnt.keys)
    this.#checkFitted()
    return { ...fitted, learnt, features }
  }

  #checkFitted(): Fitted<L> {
    this.#checkAlive()
    if (this.#fitted) return this.#fitted
    throw new SoftmarginError(
      'NOT_FITTED',
      'this ImageClassifier has learnt nothing yet: call fit(images, labels) first',
    )
  }
}
