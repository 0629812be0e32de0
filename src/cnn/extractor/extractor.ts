import { SoftmarginError } from '../../core/errors.ts'
import type { Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { ImageInput, RawImage } from '../../image/image-input.ts'
import { outputSize } from '../../image/preprocess.ts'
import { targetSize } from '../../image/resize.ts'
import type { ModelProto } from '../../onnx/proto/onnx.ts'
import type { ExtractOptions, Pipeline } from '../batching/run-images.ts'
import type { LayerInfo } from '../layers/layer-info.ts'
import { measureLayers } from '../layers/list-layers.ts'
import { pooledSize } from '../pool.ts'
import { defaultRuntime, type RunningDevice, type Runtime, type RuntimeInfo } from '../runtime.ts'
import type { Arrangement } from '../spatial-view.ts'
import type { FineTuneOptions, Tuning } from '../training/fine-tune-options.ts'
import {
  checkOptions,
  type ExtractorDescription,
  type ExtractorOptions,
  type LayerChoice,
} from './extractor-options.ts'
import { featurePipeline } from './feature-pipeline.ts'
import type { LayerAverages } from './layer-averages.ts'
import { type LoadedNetwork, loadNetwork, pickLayer } from './load-network.ts'
import { openModel } from './model-source.ts'

export type { ExtractorDescription, ExtractorOptions, LayerChoice } from './extractor-options.ts'

/**
 * Extracts features from images: runs a CNN up to a chosen layer and pools the layer's activations into one
 * row per image.
 *
 * The network occupies WebAssembly memory until `dispose()` is called.
 */
export class FeatureExtractor {
  readonly #parts: LoadedNetwork
  #measured: LayerInfo[] | undefined
  #pipeline: Pipeline | undefined
  /** The pipeline of pictures that need no resizing, if it is another one. */
  #asItIs: Pipeline | undefined
  #tuning: Tuning | undefined
  #compared: (() => Promise<FeatureExtractor>) | undefined
  #disposed = false

  private constructor(parts: LoadedNetwork) {
    this.#parts = parts
  }

  /**
   * Loads the model, cuts it at the layer, and runs it once on a blank image to determine its output shape.
   *
   * @throws {SoftmarginError} `FILE_UNREADABLE`, `MODEL_UNREADABLE`, `MODEL_UNSUPPORTED`, `LAYER_NOT_FOUND`
   *   with the closest names, `INVALID_ARGUMENT` (also if preprocessing produces a size that the model does
   *   not accept), `HOST_UNSUPPORTED`, `ABORTED`
   */
  static async create(options: ExtractorOptions = {}): Promise<FeatureExtractor> {
    await checkOptions(options)
    const { model = 'tiny', externalData, download, preprocess, onProgress, signal } = options
    const hasPreprocess = preprocess !== undefined
    const opened = await openModel(model, { externalData, download, hasPreprocess, onProgress, signal })
    return new FeatureExtractor(await loadNetwork(opened, options))
  }

  /**
   * Like `create`, for a model that is already parsed.
   *
   * @internal
   */
  static async fromModel(
    model: ModelProto,
    options: Omit<ExtractorOptions, 'model'> = {},
    name = 'bytes',
  ): Promise<FeatureExtractor> {
    await checkOptions(options)
    return new FeatureExtractor(await loadNetwork({ model, name }, options))
  }

  /** Where the network currently runs; `'given'`: wherever the module that was passed as `runtime` runs it. */
  get device(): RunningDevice {
    return this.#parts.session.device
  }

  /** Whether features are averaged over the image and its horizontal mirror image. */
  get mirror(): boolean {
    return this.#parts.mirror
  }

  /** How far the images are shifted that features are also averaged over, as a share of the side; 0 for none. */
  get shift(): number {
    return this.#parts.shift
  }

  /** Which runtime runs the network, and why it was selected; see the option `runtime`. */
  get runtime(): RuntimeInfo {
    return structuredClone(this.#parts.session.runtime)
  }

  /**
   * The option `runtime` that the extractor was created with.
   *
   * @internal
   */
  get requestedRuntime(): Runtime {
    return this.#parts.running.runtime ?? defaultRuntime
  }

  /** Number of features per image: the columns of the matrix that `extract` returns. */
  get featureSize(): number {
    const { pooling, dims, arrangement } = this.#parts
    return pooledSize(pooling, dims, arrangement)
  }

  /**
   * Lists all layers usable as features, in network order, with operator, output shape and fraction of the
   * network's multiply-adds. The default layer is marked.
   */
  layers(): LayerInfo[] {
    const { model, layers, sized, arrangements } = this.#parts
    this.#measured ??= measureLayers(model, layers, sized, arrangements)
    return structuredClone(this.#measured)
  }

  /**
   * Resolves a layer given by name or by position from the end, as in the option `layer`.
   *
   * @param argument name under which the caller passed it, for error messages
   * @throws {SoftmarginError} `LAYER_NOT_FOUND` with the closest names
   */
  findLayer(wanted: string | number, argument = 'layer'): LayerInfo {
    return pickLayer(this.layers(), this.#parts.facts, wanted, argument)
  }

  /**
   * Creates a second extractor of the same network, cut at another layer, without reading the file again. The
   * two extractors must be disposed of separately.
   *
   * @throws {SoftmarginError} as `create` does for `layer` and `pooling`
   */
  async withLayer(choice: LayerChoice): Promise<FeatureExtractor> {
    this.#checkAlive()
    return this.#another(choice)
  }

  #another(choice: LayerChoice, model = this.#parts.model): Promise<FeatureExtractor> {
    const { name, layer, mirror, shift, preprocess, running, arrangements } = this.#parts
    const { prefixTokens } = arrangements
    const options = { layer: layer.name, ...choice, mirror, shift, prefixTokens, preprocess, ...running }
    return FeatureExtractor.fromModel(model, options, name)
  }

  /** What `fineTune` did to make this extractor, and whether it was of use; `undefined` for any other extractor. */
  get tuning(): Tuning | undefined {
    return structuredClone(this.#tuning)
  }

  /**
   * Opens an extractor on the weights that `tuning.validation` is about, if this one has learnt from all images since;
   * the caller must dispose of it.
   *
   * @internal
   */
  async openCompared(): Promise<FeatureExtractor | undefined> {
    this.#checkAlive()
    return this.#compared?.()
  }

  /**
   * Trains the network on labelled images, and returns an extractor of the same layer and pooling on the new weights.
   * This extractor does not change; the two must be disposed of separately.
   *
   * The part of the network above a layer learns (`from`), together with a linear softmax head, which is thrown away.
   * Then an SVM tells on images that the network has not learnt from whether its features have become better; if not
   * by more than one standard error, the returned extractor has the old weights. A better network is then trained once more,
   * on all images (`refit`). `tuning` says what happened.
   *
   * Gradients are computed in softmargin's own engine on all threads of the extractor, with the same bits for any number of
   * them; for networks that the engine cannot train, in onnxruntime-web, or in the module given as `runtime`.
   *
   * @param images images in any mix of types and sizes
   * @param labels one label per image, either all strings or all numbers
   * @throws {SoftmarginError} `EMPTY_INPUT`, `SHAPE_MISMATCH`, `ONE_CLASS`, `TOO_FEW_ROWS` if a class has too few
   *   images to hold some out, `MODEL_UNSUPPORTED` naming an operator that a gradient cannot pass,
   *   `LAYER_NOT_FOUND`, `INVALID_ARGUMENT`, also if the loss diverges at any rate, `OUT_OF_MEMORY`,
   *   `IMAGE_UNREADABLE` and `FILE_UNREADABLE` naming `images[i]`, `ABORTED`, `DISPOSED`
   */
  async fineTune(
    images: readonly ImageInput[],
    labels: ArrayLike<Label>,
    options: FineTuneOptions = {},
  ): Promise<FeatureExtractor> {
    this.#checkAlive()
    const { pooling } = this.#parts
    const frozen = {
      parts: this.#parts,
      layers: this.layers(),
      extract: (some: readonly ImageInput[], o: ExtractOptions) => this.extract(some, o),
      checkAlive: () => this.#checkAlive(),
      open: (tuned: ModelProto | undefined) => this.#another({ pooling }, tuned),
    }
    const { fineTuneNetwork } = await import('./fine-tuning/fine-tune-network.ts')
    const { extractor, tuning, compared } = await fineTuneNetwork(frozen, images, labels, options)
    extractor.#tuning = tuning
    extractor.#compared = compared
    return extractor
  }

  /**
   * Writes the network up to the layer as an .onnx file, with the layer, pooling and preprocessing in its metadata:
   * `FeatureExtractor.create({ model: bytes })` makes an extractor of the same features.
   */
  async toOnnx(): Promise<Uint8Array<ArrayBuffer>> {
    this.#checkAlive()
    const { writeNetwork } = await import('../training/tuned-model.ts')
    return writeNetwork(await this.cutModel(), this.#parts)
  }

  /**
   * Describes the extractor with layer, pooling and preprocessing fully resolved; see `ExtractorDescription`.
   */
  describe(): ExtractorDescription {
    const { name, layer, pooling, preprocess, arrangement } = this.#parts
    const { featureSize } = this
    const { prefixTokens } = arrangement
    return structuredClone({
      ...{ model: name, layer: layer.name, pooling, preprocess, featureSize },
      ...(prefixTokens !== undefined && { prefixTokens }),
    })
  }

  /**
   * How the layer's numbers are arranged, for a file that pools them.
   *
   * @internal
   */
  get arrangement(): Arrangement & { rank: number } {
    const { dims, arrangement } = this.#parts
    return { rank: dims.length, ...arrangement }
  }

  /**
   * The network up to the layer: one image input and one float32 output named `describe().layer`. Its weights
   * are shared with the extractor and must not be modified.
   *
   * @internal
   */
  async cutModel(): Promise<ModelProto> {
    const { cutNetwork } = await import('../training/tuned-model.ts')
    return cutNetwork(this.#parts)
  }

  /**
   * Extracts features: decodes, resizes and normalizes the images, runs them through the network in batches,
   * and pools the activations.
   *
   * @param images images in any mix of types and sizes
   * @returns matrix [images, featureSize], rows in input order (see `onUnreadable` for images that are
   *   skipped)
   * @throws {SoftmarginError} `EMPTY_INPUT`, `IMAGE_UNREADABLE` and `FILE_UNREADABLE` naming `images[i]`,
   *   `INVALID_ARGUMENT`, `MODEL_UNSUPPORTED`, `OUT_OF_MEMORY`, `ABORTED`, `DISPOSED`
   */
  async extract(images: readonly ImageInput[], options: ExtractOptions = {}): Promise<Matrix> {
    this.#checkAlive()
    this.#pipeline ??= featurePipeline(this.#parts, this.layers())
    const [features] = await this.#pipeline.run(images, options)
    return features
  }

  /**
   * Extracts features at several layers in one pass: each image is decoded once and run through the network
   * once.
   *
   * @param choices the layers and the pooling of each; a layer may occur more than once
   * @returns one matrix per choice, in order
   * @throws {SoftmarginError} the errors of `extract`, and `LAYER_NOT_FOUND`
   */
  async extractLayers<Choices extends readonly LayerChoice[] | []>(
    images: readonly ImageInput[],
    choices: Choices,
    options?: ExtractOptions,
  ): Promise<{ -readonly [Place in keyof Choices]: Matrix }>
  async extractLayers(
    images: readonly ImageInput[],
    choices: readonly LayerChoice[],
    options: ExtractOptions = {},
  ): Promise<Matrix[]> {
    this.#checkAlive()
    const { extractLayers } = await import('./extract-layers.ts')
    return extractLayers(this.#parts, this.layers(), images, choices, options)
  }

  /**
   * Extracts features from pictures as `networkPicture` returns them, which are neither resized nor cropped.
   *
   * @internal
   */
  async extractPictures(pictures: readonly RawImage[], options: ExtractOptions = {}): Promise<Matrix> {
    this.#checkAlive()
    const { preprocess } = this.#parts
    const size = outputSize(preprocess)
    const { width, height } = preprocess.size ? targetSize(size, preprocess.size) : size
    if (width === size.width && height === size.height) return this.extract(pictures, options)
    this.#asItIs ??= featurePipeline(this.#parts, this.layers(), {
      preprocess: { ...preprocess, size: undefined, crop: size },
    })
    const [features] = await this.#asItIs.run(pictures, options)
    return features
  }

  /**
   * The averages that the features are computed from; the caller must release them. `undefined` if they depend on the
   * image in another way.
   *
   * @internal
   */
  async openAverages(): Promise<LayerAverages | undefined> {
    this.#checkAlive()
    const { LayerAverages } = await import('./layer-averages.ts')
    return LayerAverages.open(this.#parts)
  }

  /** Frees the network. Calls in progress fail with `DISPOSED`. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#pipeline?.close()
    this.#asItIs?.close()
    // Not awaited; releasing a session fails only through a bug in ONNX Runtime.
    this.#parts.session.release().catch(() => {})
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #checkAlive(): void {
    if (this.#disposed) throw new SoftmarginError('DISPOSED', 'the extractor was used after dispose()')
  }
}
