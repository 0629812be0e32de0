import type { Progress } from '../../core/call-options.ts'
import { invalidArgument } from '../../core/errors.ts'
import { checkKnownOptions } from '../../core/known-options.ts'
import type { HuggingFacePreprocess } from '../../image/hugging-face-config.ts'
import type { Preprocess, ResolvedPreprocess } from '../../image/preprocess-options.ts'
import type { ExecutionProvider } from '../custom-runtime.ts'
import { checkPooling, type Pooling, type ResolvedPooling } from '../pool.ts'
import { checkRuntime, defaultRuntime, type Runtime } from '../runtime.ts'
import type { ModelDownload, ModelSource } from './model-source.ts'

/** Options of `FeatureExtractor.create`. */
export interface ExtractorOptions {
  /** The model to use. Default `'tiny'`, the smaller of the two CNNs bundled with the package. */
  model?: ModelSource | undefined
  /**
   * Files with weights stored outside the model file, keyed by the location that the model records for them:
   * `{ 'model.onnx_data': 'models/model.onnx_data' }`.
   */
  externalData?: Readonly<Record<string, ModelSource>> | undefined
  /** How a model from a URL or the Hugging Face hub is downloaded and cached. */
  download?: ModelDownload | undefined
  /**
   * Called while the model is downloaded, with counts in bytes. `total` is 0 if the server does not report
   * the size.
   */
  onProgress?: ((progress: Progress) => void) | undefined
  /**
   * The layer whose activations become features: the name of a tensor or node, a PyTorch module (`'layer3'`), or
   * `-1`, `-2`, ... counted from the end of `layers()`. Default: the input of the classification head.
   */
  layer?: string | number | undefined
  /** How the layer's activations are pooled. Default `'auto'`. */
  pooling?: Pooling | undefined
  /**
   * Number of class and register tokens that come before the patch tokens in the layers of a transformer, [tokens,
   * channels]. They are left out of averages, maxima and grids. Default: the tokens beyond one for each pixel of
   * the map that they are computed from.
   */
  prefixTokens?: number | undefined
  /**
   * Whether to average the layer's activations over the image and its horizontal mirror image (feature maps
   * of the mirror image are flipped back first). This doubles the running time. It suits photos in which left
   * and right are interchangeable. Default `false`.
   */
  mirror?: boolean | undefined
  /**
   * How far to shift four more images, up, down, left and right, over which the layer's activations are averaged as well:
   * a share of the side, rounded to whole pixels, at least one. The mean color is moved in. This takes five times the
   * running time, and six times together with `mirror`. It makes features less dependent on where things are; 1 / 16
   * suits small photos. Default 0, for none.
   */
  shift?: number | undefined
  /**
   * Where the network runs. On the GPU (`'webgpu'`) the low bits of features differ between devices. `'auto'`
   * uses the GPU if one is available and passes a trial run, and WebAssembly otherwise. Default `'wasm'`,
   * whose results are bit-identical on every host.
   */
  device?: 'auto' | 'wasm' | 'webgpu' | undefined
  /**
   * What runs the network. `'engine'` is softmargin's own engine, which supports the operators of common
   * image CNNs and throws `MODEL_UNSUPPORTED` for others. `'onnxruntime'` is onnxruntime-web, which supports
   * all operators. `'auto'` uses the engine if it supports the whole network and the network runs on
   * WebAssembly, and onnxruntime-web, which is loaded only then, otherwise. A module that speaks the API of
   * onnxruntime-common, such as the namespace of onnxruntime-node, runs the network itself. The low bits of features
   * differ between runtimes, and from one machine to the next if the runtime is native; a feature store tells them
   * apart. Default `'auto'`.
   */
  runtime?: Runtime | undefined
  /**
   * Execution providers for a module given as `runtime`, in order of preference: `['cuda', 'cpu']`, `['coreml']`,
   * `[{ name: 'webnn', deviceType: 'gpu' }]`. They are passed on as they are. Default: the module's own.
   */
  executionProviders?: readonly ExecutionProvider[] | undefined
  /**
   * Called when the GPU is lost and the network continues on WebAssembly. Default: a warning on the console.
   */
  onWarning?: ((message: string) => void) | undefined
  /**
   * Preprocessing options, or the unmodified JSON of a Hugging Face `preprocessor_config.json`. Missing
   * values are taken from the model file, then from the defaults documented in `Preprocess`.
   */
  preprocess?: Preprocess | HuggingFacePreprocess | undefined
  /**
   * Number of images that are processed at the same time, each on a thread of its own. The features have the
   * same bits for any number. Default: one for each core, fewer on devices with little memory. A module given
   * as `runtime` gets the number as `intraOpNumThreads`, whose default is its own, and other threads decode and
   * resize the next images meanwhile: one less than `threads`, by default one less than there are cores, at
   * most 7.
   */
  threads?: number | undefined
  /** Aborts loading the model. */
  signal?: AbortSignal | undefined
}

/** JSON-serializable description of an extractor: the options that recreate it from the same model. */
export interface ExtractorDescription {
  /** `'tiny'`, `'small'`, the path or URL of the model, or `'bytes'`. */
  model: string
  /** Name of the layer's tensor. */
  layer: string
  pooling: ResolvedPooling
  /** Only for a layer of tokens: the number of class and register tokens. */
  prefixTokens?: number | undefined
  preprocess: ResolvedPreprocess
  /** Number of features per image. */
  featureSize: number
}

/** A layer and pooling for `extractLayers`. */
export interface LayerChoice {
  /** Default: the extractor's own layer. */
  layer?: string | number | undefined
  /** Default `'auto'`. */
  pooling?: Pooling | undefined
}

/** Every option of an extractor; the type makes sure that none is missing. */
const optionNames: Record<keyof ExtractorOptions, true> = {
  model: true,
  externalData: true,
  download: true,
  onProgress: true,
  layer: true,
  pooling: true,
  prefixTokens: true,
  mirror: true,
  shift: true,
  device: true,
  runtime: true,
  executionProviders: true,
  onWarning: true,
  preprocess: true,
  threads: true,
  signal: true,
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT`, also for an option that does not exist */
export async function checkOptions(options: ExtractorOptions): Promise<void> {
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', options, 'an object')
  // What `describe()` answers may be passed as it is.
  const { featureSize: _, ...known } = options as ExtractorOptions & Partial<ExtractorDescription>
  checkKnownOptions(known, Object.keys(optionNames))
  const { device = 'wasm', pooling = 'auto', mirror = false, runtime = defaultRuntime, threads } = options
  if (!['auto', 'wasm', 'webgpu'].includes(device)) {
    throw invalidArgument('device', device, `'auto', 'wasm' or 'webgpu'`)
  }
  if (typeof mirror !== 'boolean') throw invalidArgument('mirror', mirror, 'true or false')
  const { shift = 0 } = options
  if (!(typeof shift === 'number' && shift >= 0 && shift < 0.5)) {
    throw invalidArgument('shift', shift, 'a number from 0 to below 0.5')
  }
  checkPooling(pooling)
  await checkRuntime(runtime, device, options.executionProviders)
  const { prefixTokens } = options
  if (prefixTokens !== undefined && !(Number.isSafeInteger(prefixTokens) && prefixTokens >= 0)) {
    throw invalidArgument('prefixTokens', prefixTokens, 'an integer of 0 or more')
  }
  if (threads !== undefined && !(Number.isSafeInteger(threads) && threads >= 1)) {
    throw invalidArgument('threads', threads, 'an integer of 1 or more')
  }
}
