import type { Progress } from '../../core/call-options.ts'
import { invalidArgument } from '../../core/errors.ts'
import type { HuggingFacePreprocess } from '../../image/hugging-face.ts'
import type { Preprocess, ResolvedPreprocess } from '../../image/preprocess-options.ts'
import { checkPooling, type Pooling, type ResolvedPooling } from '../pool.ts'
import { checkRuntime, defaultRuntime, type Runtime } from '../runtime.ts'
import type { ModelDownload, ModelSource } from './model-source.ts'

/** What `FeatureExtractor.create` takes. */
export interface ExtractorOptions {
  /** Default `'tiny'`, the CNN that ships with the package. */
  model?: ModelSource | undefined
  /**
   * Files that hold weights of the model, where it does not hold them itself, by the name that it has for them:
   * `{ 'model.onnx_data': 'models/model.onnx_data' }`.
   */
  externalData?: Readonly<Record<string, ModelSource>> | undefined
  /** How a model of a URL or of the Hugging Face hub is downloaded and kept. */
  download?: ModelDownload | undefined
  /** Called while the model is downloaded; counts bytes. `total` is 0 where the server does not tell. */
  onProgress?: ((progress: Progress) => void) | undefined
  /**
   * Where the network is cut: the name of a tensor or node, a module of PyTorch (`'layer3'`), or `-1`, `-2`, ...
   * from the end of `layers()`. Default: what enters the classification head.
   */
  layer?: string | number | undefined
  /** Default `'auto'`. */
  pooling?: Pooling | undefined
  /**
   * Whether features are made of the mean of the layer's answers to an image and to its mirror image, maps being turned
   * back. It takes twice the time, and suits photos, where left and right do not matter. Default `false`.
   */
  mirror?: boolean | undefined
  /**
   * Where the network runs. On the GPU (`'webgpu'`) features differ in their low bits from host to host; `'auto'` is
   * the GPU where there is one and it passes a trial run, WebAssembly elsewhere. Default `'wasm'`, which answers the
   * same bits everywhere.
   */
  device?: 'auto' | 'wasm' | 'webgpu' | undefined
  /**
   * What computes the network: `'engine'` is our own, for the operators of picture CNNs, and `MODEL_UNSUPPORTED` for
   * others; `'onnxruntime'` is onnxruntime-web, which knows all operators; `'auto'` takes the engine wherever it knows
   * the whole network. Features differ in their low bits between the two. Default `'onnxruntime'`.
   */
  runtime?: Runtime | undefined
  /** Called when the GPU is lost and the network goes on on WebAssembly. Default: a warning on the console. */
  onWarning?: ((message: string) => void) | undefined
  /**
   * Our own options, or the JSON of a Hugging Face `preprocessor_config.json` as it is. What is not given here comes
   * from the model's file, then from the defaults that `Preprocess` names.
   */
  preprocess?: Preprocess | HuggingFacePreprocess | undefined
  /**
   * Threads of ONNX Runtime. More than 1 changes low bits of the features. The first extractor of a process
   * sets it for all. Default 1.
   */
  threads?: number | undefined
  /** Aborts reading the model. */
  signal?: AbortSignal | undefined
}

/**
 * An extractor in words that JSON can hold: the options that make the same extractor of the same model again.
 */
export interface ExtractorDescription {
  /** `'tiny'`, the path or URL the model came from, or `'bytes'`. */
  model: string
  /** The tensor's name. */
  layer: string
  pooling: ResolvedPooling
  preprocess: ResolvedPreprocess
  /** Numbers an image. */
  featureSize: number
}

/** A layer and pooling for `extractLayers`. */
export interface LayerChoice {
  /** Default: the extractor's own layer. */
  layer?: string | number | undefined
  /** Default `'auto'`. */
  pooling?: Pooling | undefined
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` */
export function checkOptions(options: ExtractorOptions): void {
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', options, 'an object')
  const { device = 'wasm', pooling = 'auto', mirror = false, runtime = defaultRuntime } = options
  if (!['auto', 'wasm', 'webgpu'].includes(device)) {
    throw invalidArgument('device', device, `'auto', 'wasm' or 'webgpu'`)
  }
  if (typeof mirror !== 'boolean') throw invalidArgument('mirror', mirror, 'true or false')
  checkPooling(pooling)
  checkRuntime(runtime, device)
}
