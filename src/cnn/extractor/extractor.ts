import { TensorProto_DataType as DataType, type ModelProto } from 'onnx-buf'
import { invalidArgument, SoftmarginError } from '../../core/errors.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { ImageInput } from '../../image/image-input.ts'
import { outputSize } from '../../image/preprocess.ts'
import { cutModel } from '../../onnx/edit/cut.ts'
import { treatsImagesApart } from '../../onnx/graph/independent-images.ts'
import { tensorInfo } from '../../onnx/graph/nodes.ts'
import { type ExtractOptions, Pipeline, type Tap } from '../batching/run-images.ts'
import { imageTensorInput } from '../image-tensor-input.ts'
import { checkPooling, pooledSize } from '../pool.ts'
import { type RuntimeInfo, startNetwork } from '../runtime.ts'
import type { Device } from '../session.ts'
import {
  checkOptions,
  type ExtractorDescription,
  type ExtractorOptions,
  type LayerChoice,
} from './extractor-options.ts'
import type { LayerInfo } from './layer-info.ts'
import { measureLayers } from './list-layers.ts'
import { checkSize, cutAt, type LoadedNetwork, loadNetwork, pickLayer, pictureDims } from './load-network.ts'
import { openModel } from './model-source.ts'

export type { ExtractorDescription, ExtractorOptions, LayerChoice } from './extractor-options.ts'

/**
 * Turns images into rows of features: a CNN, cut at a layer, whose activations are pooled.
 *
 * It holds the network in WebAssembly memory: `dispose()` frees it.
 */
export class FeatureExtractor {
  readonly #parts: LoadedNetwork
  #measured: LayerInfo[] | undefined
  #pipeline: Pipeline | undefined
  #disposed = false

  private constructor(parts: LoadedNetwork) {
    this.#parts = parts
  }

  /**
   * Reads the model, cuts it, and runs it once on an empty image to see what it answers.
   *
   * @throws {SoftmarginError} `FILE_UNREADABLE`, `MODEL_UNREADABLE`, `MODEL_UNSUPPORTED`, `LAYER_NOT_FOUND` with
   *   the nearest names, `INVALID_ARGUMENT` (also for a preprocessing that makes images of another size than
   *   the model takes), `HOST_UNSUPPORTED`, `ABORTED`
   */
  static async create(options: ExtractorOptions = {}): Promise<FeatureExtractor> {
    checkOptions(options)
    const { model = 'tiny', externalData, download, onProgress, signal } = options
    const opened = await openModel(model, { externalData, download, onProgress, signal })
    return new FeatureExtractor(await loadNetwork(opened, options))
  }

  /**
   * The same for a model that is parsed already; `options.model` is not looked at.
   *
   * @internal
   */
  static async fromModel(
    model: ModelProto,
    options: Omit<ExtractorOptions, 'model'> = {},
    name = 'bytes',
  ): Promise<FeatureExtractor> {
    checkOptions(options)
    return new FeatureExtractor(await loadNetwork({ model, name }, options))
  }

  /** Where the network runs now. */
  get device(): Device {
    return this.#parts.session.device
  }

  /** Whether features are the mean over an image and its mirror image. */
  get mirror(): boolean {
    return this.#parts.mirror
  }

  /** What computes the network, and why: see the option `runtime`. */
  get runtime(): RuntimeInfo {
    return { ...this.#parts.session.runtime }
  }

  /** How many features an image has: the columns of what `extract` answers. */
  get featureSize(): number {
    return pooledSize(this.#parts.pooling, this.#parts.dims)
  }

  /**
   * Every layer that could serve, in the order of the network: what makes it, what it answers, what share of the
   * work it takes. The default one is marked.
   */
  layers(): LayerInfo[] {
    const { model, layers, port, preprocess } = this.#parts
    const { width, height } = outputSize(preprocess)
    this.#measured ??= measureLayers(model, layers, {
      name: port.name,
      dims: [port.batch ?? 1, preprocess.mean.length, height, width],
    })
    return structuredClone(this.#measured)
  }

  /**
   * The layer that a name or a place from the end means, as `layer` takes them.
   *
   * @param argument how the caller calls it, for error messages
   * @throws {SoftmarginError} `LAYER_NOT_FOUND` with the nearest names
   */
  findLayer(wanted: string | number, argument = 'layer'): LayerInfo {
    return pickLayer(this.layers(), this.#parts.facts, wanted, argument)
  }

  /**
   * A second extractor of the same network, cut at another layer. The file is not read again; each is disposed of
   * by itself.
   *
   * @throws {SoftmarginError} as `create` does for `layer` and `pooling`
   */
  async withLayer(choice: LayerChoice): Promise<FeatureExtractor> {
    this.#checkAlive()
    const { model, name, layer, mirror, preprocess, running } = this.#parts
    const options = { layer: layer.name, ...choice, mirror, preprocess, ...running }
    return FeatureExtractor.fromModel(model, options, name)
  }

  /** Layer, pooling and preprocessing as they were resolved; see `ExtractorDescription`. */
  describe(): ExtractorDescription {
    const { name, layer, pooling, preprocess } = this.#parts
    const { featureSize } = this
    return structuredClone({ model: name, layer: layer.name, pooling, preprocess, featureSize })
  }

  /**
   * The network up to the layer: one image input, one float32 output, whose name is `describe().layer`. Its
   * weights are shared with the extractor: do not change it.
   *
   * @internal
   */
  cutModel(): ModelProto {
    const { cut, port, layer, dims } = this.#parts
    // The size of a map follows the size of the image, where the model leaves that open.
    const free = dims.length === 4 && (port.height === undefined || port.width === undefined)
    const tail = free ? [dims[1], `${layer.name}_height`, `${layer.name}_width`] : dims.slice(1)
    const output = tensorInfo(layer.name, DataType.FLOAT, [port.batch ?? 'batch', ...tail])
    const model = cutModel(cut, [layer.name])
    model.graph!.output = [output]
    return model
  }

  /**
   * Features of images: decoded, resized and normalised, run through the network in batches, pooled.
   *
   * @param images of any mix of kinds and sizes
   * @returns a row for each image, in their order (see `onUnreadable` for images that are left out)
   * @throws {SoftmarginError} `EMPTY_INPUT`, `IMAGE_UNREADABLE` and `FILE_UNREADABLE` naming `images[i]`,
   *   `INVALID_ARGUMENT`, `MODEL_UNSUPPORTED`, `OUT_OF_MEMORY`, `ABORTED`, `DISPOSED`
   */
  async extract(images: readonly ImageInput[], options: ExtractOptions = {}): Promise<Matrix> {
    this.#checkAlive()
    this.#pipeline ??= this.#openPipeline()
    const [features] = await this.#pipeline.run(images, options)
    return features
  }

  /**
   * Features at several layers from one pass over the images: each is decoded once and runs once.
   *
   * @param choices which layers, and how each is pooled; a layer may come several times
   * @returns a matrix for each choice, in their order
   * @throws {SoftmarginError} as `extract` does, and `LAYER_NOT_FOUND`
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
    const { facts, layers, layer, preprocess, running } = this.#parts
    if (!Array.isArray(choices) || choices.length === 0) {
      throw invalidArgument('choices', choices, 'an array of at least one { layer, pooling }')
    }
    const shapes = new Map(this.layers().map(({ name, shape }) => [name, shape]))
    const taps = choices.map((choice, i): Tap => {
      const { pooling = 'auto' } = choice
      checkPooling(pooling, `choices[${i}].pooling`)
      const found =
        choice.layer === undefined ? layer : pickLayer(layers, facts, choice.layer, `choices[${i}].layer`)
      return {
        layer: found.name,
        pooling,
        shape: shapes.get(found.name),
        argument: `choices[${i}].pooling`,
      }
    })
    const cut = cutAt(this.#parts, [...new Set(taps.map((tap) => tap.layer))])
    const port = imageTensorInput(cut)
    checkSize(port, preprocess)
    const dims = pictureDims(port, preprocess)
    const session = await startNetwork(cut, port, dims, { ...running, device: this.device })
    try {
      const isIndependent = treatsImagesApart(cut)
      const largestLayer = this.#largestLayer(taps.map((tap) => tap.layer))
      const pipeline = new Pipeline({ session, port, preprocess, taps, isIndependent }, largestLayer)
      return await pipeline.run(images, options)
    } finally {
      await session.release()
    }
  }

  /** Frees the network. Calls that run then end with `DISPOSED`. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    // Nobody waits for it; it cannot fail but for a defect of ONNX Runtime.
    this.#parts.session.release().catch(() => {})
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #openPipeline(): Pipeline {
    const { session, port, preprocess, layer, pooling, dims, cut } = this.#parts
    const taps = [{ layer: layer.name, pooling, shape: dims.slice(1) }]
    const isIndependent = treatsImagesApart(cut)
    const network = { session, port, preprocess, taps, isIndependent }
    return new Pipeline(network, this.#largestLayer([layer.name]))
  }

  /** Bytes of the largest activation of one image up to these layers, where all shapes are known. */
  #largestLayer(names: string[]): number | undefined {
    const layers = this.layers()
    const last = Math.max(...names.map((name) => layers.findIndex((layer) => layer.name === name)))
    const sizes = layers.slice(0, last + 1).map(({ shape }) => shape?.reduce((all, size) => all * size, 4))
    return sizes.includes(undefined) ? undefined : Math.max(...(sizes as number[]))
  }

  #checkAlive(): void {
    if (this.#disposed) throw new SoftmarginError('DISPOSED', 'the extractor was used after dispose()')
  }
}
