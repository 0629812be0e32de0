import { type RankedLayer, rankLayers } from './choose-layer.ts'
import { type FeatureScaler, fitFeatureScaler, type Scale } from './classifier/feature-scaler.ts'
import { classifierFromFile, classifierToFile } from './classifier/file.ts'
import { type FittedMachine, fitMachine, searchFor } from './classifier/fit-machine.ts'
import {
  type ClassifierFitOptions,
  type ClassifierLoadOptions,
  type ClassifierOptions,
  type ClassifierRefitOptions,
  type ClassifierSearch,
  checkImages,
  checkOptions,
  type Evaluation,
  type ImagesCall,
} from './classifier/options.ts'
import { FeatureExtractor } from './cnn/extractor.ts'
import { type ModelSource, openModel } from './cnn/model-source.ts'
import { checkPooling, type Pooling } from './cnn/pool.ts'
import { invalidArgument, SoftmarginError } from './errors.ts'
import type { ImageInput } from './image/input.ts'
import { joinRows, Matrix } from './matrix.ts'
import type { Progress } from './progress.ts'
import type { FeatureStore } from './store/feature-store.ts'
import { classificationReport } from './svm/classification-report.ts'
import { checkClasses, checkLabels, type Label, uniqueLabels } from './svm/labels.ts'
import { accuracyScore, confusionMatrix } from './svm/metrics.ts'
import { SVC } from './svm/svc.ts'

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
} from './classifier/options.ts'

/** What `fit` learns. */
interface Fitted extends FittedMachine {
  /** What it learnt from, unscaled; a file does not hold it. */
  learnt?: LabelledFeatures | undefined
  scaler: FeatureScaler
  rankedLayers?: RankedLayer[] | undefined
}

/** Features with a label for each row. */
interface LabelledFeatures {
  features: Matrix
  labels: Label[]
}

/** Features of the images that could be read, and which these are. */
interface Extracted {
  features: Matrix
  /** Positions among the images that were handed in, a row of `features` each. */
  read: number[]
}

/**
 * From image to label: a CNN makes features, they are scaled, an SVM decides.
 *
 * It holds a network in WebAssembly memory: `dispose()` frees it.
 */
export class ImageClassifier {
  /** What is done to features before the SVM sees them. */
  readonly scale: Scale
  readonly #template: SVC
  readonly #ownsExtractor: boolean
  readonly #store: FeatureStore | undefined
  /** What `add` was given since the last fit. */
  #added: LabelledFeatures[] = []
  /** What `fit` may choose from, if it is to choose the layer. */
  readonly #auto: { poolings?: Pooling[] } | undefined
  #extractor: FeatureExtractor
  #fitted: Fitted | undefined
  #disposed = false

  private constructor(
    extractor: FeatureExtractor,
    o: {
      ownsExtractor: boolean
      scale: Scale
      template: SVC
      fitted?: Fitted
      auto?: { poolings?: Pooling[] } | undefined
      store?: FeatureStore | undefined
    },
  ) {
    this.#store = o.store
    this.#extractor = extractor
    this.#auto = o.auto
    this.scale = o.scale
    this.#template = o.template
    this.#ownsExtractor = o.ownsExtractor
    this.#fitted = o.fitted
  }

  /**
   * A classifier that has learnt nothing yet.
   *
   * @throws {SoftmarginError} `INVALID_ARGUMENT`, and as `FeatureExtractor.create`
   */
  static async create(options: ClassifierOptions = {}): Promise<ImageClassifier> {
    const { extractor, svm, scale, store } = checkOptions(options)
    const template = svm instanceof SVC ? svm.clone() : new SVC(svm)
    if (extractor instanceof FeatureExtractor) {
      return new ImageClassifier(extractor, { ownsExtractor: false, scale, template, store })
    }
    const { layer, pooling = 'auto' } = extractor
    const auto = layer !== 'auto' ? undefined : pooling === 'auto' ? {} : { poolings: [pooling] }
    checkPooling(pooling)
    // Until a layer is chosen it stands at the default one, to which not every pooling fits.
    const first = auto ? { ...extractor, layer: undefined, pooling: 'auto' as const } : extractor
    const made = await FeatureExtractor.create(first)
    return new ImageClassifier(made, { ownsExtractor: true, scale, template, auto, store })
  }

  /** What turns images into features. With `layer: 'auto'` each `fit` puts another one here. */
  get extractor(): FeatureExtractor {
    return this.#extractor
  }

  /**
   * Learns from labelled images; with `grid`, also which parameters suit them best. If it throws, what was
   * learnt before is still there. With `layer: 'auto'` the layer and the pooling are chosen first, as
   * `chooseLayer` does, on `cv` folds of these images.
   *
   * @param images of any mix of kinds and sizes
   * @param labels one for each image, all text or all numbers
   * @throws {SoftmarginError} `EMPTY_INPUT`, `SHAPE_MISMATCH`, `ONE_CLASS`, `TOO_FEW_ROWS` if a class has fewer
   *   images than there are folds, `IMAGE_UNREADABLE` and `FILE_UNREADABLE` naming `images[i]`, `NOT_FINITE` for
   *   a network that answers NaN, `INVALID_ARGUMENT`, `OUT_OF_MEMORY`, `ABORTED`, `DISPOSED`
   */
  async fit(images: ImageInput[], labels: ArrayLike<Label>, o: ClassifierFitOptions = {}): Promise<this> {
    this.#checkAlive()
    checkImages(images)
    checkLabels(labels, images.length, 'labels', 'images')
    checkClasses(uniqueLabels(labels, 'labels'), 'labels')
    const search = searchFor(this.#template, images, labels, o)
    const chosen = this.#auto && (await this.#chooseLayer(images, labels, o))
    try {
      const { features, read } = chosen?.extracted ?? (await this.#extract(images, o, labels))
      const y = read.map((i) => labels[i])
      const scaler = await fitFeatureScaler(this.scale, features)
      const X = await scaler.transform(features)
      const machine = await fitMachine(this.#template, X, y, search, o)
      const learnt = { features, labels: y }
      this.#replace({ ...machine, scaler, learnt, rankedLayers: chosen?.ranked })
    } catch (error) {
      chosen?.extractor.dispose()
      throw error
    }
    if (chosen) this.#moveTo(chosen.extractor)
    return this
  }

  /**
   * More labelled images, of old classes or of new ones: their features are extracted, and `refit` learns from them.
   *
   * @throws {SoftmarginError} `NOT_FITTED` also after `load`, since a file does not hold what was learnt from; else
   *   as `fit`
   */
  async add(images: ImageInput[], labels: ArrayLike<Label>, o: ImagesCall = {}): Promise<this> {
    const { learnt } = this.#checkRefittable()
    checkImages(images)
    checkLabels(labels, images.length, 'labels', 'images')
    uniqueLabels([learnt.labels[0], ...Array.from(labels)], 'labels')
    const { features, read } = await this.#extract(images, o, labels)
    this.#checkRefittable()
    this.#added.push({ features, labels: read.map((i) => labels[i]) })
    return this
  }

  /**
   * Learns from all images of `fit` and `add`, starting from where the last fit ended. The parameters of the SVM,
   * those that a search found too, and the scaling of the features stay as they are. If it throws, what was
   * learnt before is still there, and so is what was added.
   *
   * @throws {SoftmarginError} `NOT_FITTED`, `NOT_FINITE`, `OUT_OF_MEMORY`, `ABORTED`, `DISPOSED`
   */
  async refit(o: ClassifierRefitOptions = {}): Promise<this> {
    const { svc, scaler, search, rankedLayers, learnt } = this.#checkRefittable()
    const parts = [learnt, ...this.#added]
    const features = joinRows(parts.map((part) => part.features))
    const labels = parts.flatMap((part) => part.labels)
    // Scaled afresh, no old row would be what it was, and the old duals would be of no use.
    const X = await scaler.transform(features)
    const machine = await fitMachine(svc, X, labels, undefined, { ...o, warmStart: svc })
    const added = this.#added.slice(parts.length - 1)
    this.#replace({ ...machine, search, scaler, rankedLayers, learnt: { features, labels } })
    this.#added = added
    return this
  }

  /**
   * The label of each image.
   *
   * @returns a label for each image, in their order; with `onUnreadable`, `null` for those that cannot be read
   * @throws {SoftmarginError} `NOT_FITTED`, `EMPTY_INPUT`, `IMAGE_UNREADABLE` and `FILE_UNREADABLE` naming
   *   `images[i]`, `INVALID_ARGUMENT`, `OUT_OF_MEMORY`, `ABORTED`, `DISPOSED`
   */
  async predict(
    images: ImageInput[],
    o: ImagesCall & Required<Pick<ImagesCall, 'onUnreadable'>>,
  ): Promise<(Label | null)[]>
  async predict(images: ImageInput[], o?: ImagesCall): Promise<Label[]>
  async predict(images: ImageInput[], o: ImagesCall = {}): Promise<(Label | null)[]> {
    const { labels, read } = await this.#predict(images, o)
    const all = new Array<Label | null>(images.length).fill(null)
    for (const [row, i] of read.entries()) all[i] = labels[row]
    return all
  }

  /**
   * The probability of each class, for a classifier made with `svm: { probability: true }`.
   *
   * @returns images x classes, columns in the order of `classes`; with `onUnreadable`, a row of NaN for each image
   *   that cannot be read
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for a classifier without probabilities, and as `predict`
   */
  async predictProba(images: ImageInput[], o: ImagesCall = {}): Promise<Matrix> {
    return (await this.predictWithProba(images, o)).probabilities
  }

  /**
   * What `predict` and `predictProba` answer, from one pass over the images. The label is the one that most pairs
   * of classes vote for; it is mostly, but not always, the one with the largest probability.
   *
   * @throws {SoftmarginError} as `predictProba`
   */
  async predictWithProba(
    images: ImageInput[],
    o: ImagesCall = {},
  ): Promise<{ labels: (Label | null)[]; probabilities: Matrix }> {
    const { svc, scaler } = this.#checkFitted()
    if (!this.hasProbabilities) {
      throw invalidArgument('svm.probability', false, 'true when the classifier is made, for predictProba')
    }
    checkImages(images)
    const { features, read } = await this.#extract(images, o)
    const X = await scaler.transform(features)
    const predicted = await svc.predict(X, { signal: o.signal })
    const rows = await svc.predictProba(X, { signal: o.signal })
    const labels = new Array<Label | null>(images.length).fill(null)
    const data = new Float32Array(images.length * rows.cols).fill(Number.NaN)
    for (const [row, i] of read.entries()) {
      labels[i] = predicted[row]
      data.set(rows.row(row), i * rows.cols)
    }
    return { labels, probabilities: new Matrix(data, images.length, rows.cols) }
  }

  /**
   * Predicts images whose labels are known, and counts.
   *
   * @param images that `fit` has not seen
   * @param labels the true ones; they need not all be among `classes`
   * @throws {SoftmarginError} `SHAPE_MISMATCH`, and as `predict`
   */
  async evaluate(images: ImageInput[], labels: ArrayLike<Label>, o: ImagesCall = {}): Promise<Evaluation> {
    this.#checkFitted()
    checkImages(images)
    checkLabels(labels, images.length, 'labels', 'images')
    uniqueLabels([this.classes[0], ...Array.from(labels)], 'labels')
    const predicted = await this.#predict(images, o)
    const yTrue = predicted.read.map((i) => labels[i])
    return {
      accuracy: accuracyScore(yTrue, predicted.labels),
      confusionMatrix: confusionMatrix(yTrue, predicted.labels),
      report: classificationReport(yTrue, predicted.labels),
      images: yTrue.length,
    }
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
   * @throws {SoftmarginError} `NOT_FITTED`, `MODEL_UNSUPPORTED`, `DISPOSED`
   */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    const { svc, scaler } = this.#checkFitted()
    return classifierToFile(this.extractor, scaler, svc)
  }

  /**
   * Reads what `save` wrote. The classifier predicts the same, bit for bit.
   *
   * @param source bytes of the file, a Blob, a path, a URL or `'hf:owner/name/file'`
   * @param o `download` and `onProgress` are of a source that is downloaded: how, and how far it is, in bytes
   * @throws {SoftmarginError} `FILE_UNREADABLE`, `MODEL_UNREADABLE`, `MODEL_UNSUPPORTED`, `INVALID_ARGUMENT`, `ABORTED`
   */
  static async load(source: ModelSource, o: ClassifierLoadOptions = {}): Promise<ImageClassifier> {
    const { signal, download, onProgress } = o
    const { model } = await openModel(source, { signal, download, onProgress })
    const { extractor, scaler, svc } = await classifierFromFile(model, o)
    return new ImageClassifier(extractor, {
      ownsExtractor: true,
      scale: scaler.kind,
      template: svc.clone(),
      fitted: { svc, scaler, search: undefined },
    })
  }

  /** The classes, sorted: numbers by value, strings by code unit. @throws {SoftmarginError} `NOT_FITTED` */
  get classes(): Label[] {
    return this.#checkFitted().svc.classes
  }

  /** The machine that decides, fitted on scaled features. @throws {SoftmarginError} `NOT_FITTED` */
  get svm(): SVC {
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
    if (this.#ownsExtractor) this.extractor.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** The best layer for these images: an extractor of it, and their features. */
  async #chooseLayer(images: ImageInput[], labels: ArrayLike<Label>, o: ClassifierFitOptions) {
    const { layers, features, read } = await rankLayers(images, labels, {
      extractor: this.#extractor,
      poolings: this.#auto?.poolings,
      svm: this.#template.clone({ probability: false }),
      scale: this.scale,
      cv: o.cv,
      batchSize: o.batchSize,
      signal: o.signal,
      onUnreadable: o.onUnreadable,
      onProgress: (p) => o.onProgress?.({ ...p, stage: p.stage === 'svm' ? 'layers' : p.stage }),
    })
    const [{ layer, pooling }] = layers
    const extractor = await this.#extractor.withLayer({ layer, pooling })
    return { extractor, ranked: layers, extracted: { features: features[0], read } }
  }

  #moveTo(extractor: FeatureExtractor): void {
    this.#extractor.dispose()
    this.#extractor = extractor
  }

  async #extract(images: ImageInput[], o: ImagesCall, labels?: ArrayLike<Label>): Promise<Extracted> {
    const unreadable = new Set<number>()
    const call = {
      signal: o.signal,
      batchSize: o.batchSize,
      onProgress: (p: Progress) => o.onProgress?.({ stage: 'features', ...p }),
      onUnreadable:
        o.onUnreadable &&
        ((index: number, error: SoftmarginError) => {
          unreadable.add(index)
          o.onUnreadable?.(index, error)
        }),
    }
    const features = this.#store
      ? await this.#store.extract(this.#extractor, images, { ...call, labels })
      : await this.#extractor.extract(images, call)
    return { features, read: [...images.keys()].filter((i) => !unreadable.has(i)) }
  }

  async #predict(images: ImageInput[], o: ImagesCall): Promise<{ labels: Label[]; read: number[] }> {
    const { svc, scaler } = this.#checkFitted()
    checkImages(images)
    const { features, read } = await this.#extract(images, o)
    const labels = await svc.predict(await scaler.transform(features), { signal: o.signal })
    return { labels, read }
  }

  #replace(fitted: Fitted): void {
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

  #checkRefittable(): Fitted & { learnt: LabelledFeatures } {
    const fitted = this.#checkFitted()
    const { learnt } = fitted
    if (learnt) return { ...fitted, learnt }
    throw new SoftmarginError(
      'NOT_FITTED',
      'this ImageClassifier comes from a file, which does not hold what it learnt from: call fit(images, labels) first',
    )
  }

  #checkFitted(): Fitted {
    this.#checkAlive()
    if (this.#fitted) return this.#fitted
    throw new SoftmarginError(
      'NOT_FITTED',
      'this ImageClassifier has learnt nothing yet: call fit(images, labels) first',
    )
  }
}
