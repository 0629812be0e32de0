import type { LongCall } from '../../core/call-options.ts'
import { invalidArgument } from '../../core/errors.ts'
import { readAsset } from '../../host/assets.ts'
import type { HubModel } from '../../host/download/hub-source.ts'
import type { HuggingFacePreprocess } from '../../image/hugging-face-config.ts'
import { weightFiles } from '../../onnx/graph/external-data.ts'
import { parseModel } from '../../onnx/graph/read.ts'
import type { ModelProto } from '../../onnx/proto/onnx.ts'

/**
 * Source of a CNN: `'tiny'` or `'small'` (the bundled models), the bytes of an .onnx file, a path, a URL, or a model on the
 * Hugging Face hub written as `'hf:owner/name'`, optionally with `@revision` and `/file`.
 */
export type ModelSource = 'tiny' | 'small' | Uint8Array | ArrayBuffer | Blob | URL | (string & {})

/** How models are downloaded from `http:` and `https:` URLs and from the hub. */
export interface ModelDownload {
  /**
   * Where downloads are cached: a folder, or in browsers the name of a cache. `true` uses the default
   * location (`SOFTMARGIN_CACHE`, or `softmargin` in `XDG_CACHE_HOME` or `~/.cache`; the Cache API in
   * browsers). `false` disables caching. Default `true`.
   */
  cache?: boolean | string | undefined
  /**
   * Expected SHA-256 of the model, in hexadecimal. Models from the hub are also checked against the hub's own
   * hash.
   */
  sha256?: string | undefined
  /** Expected size of the model in bytes. */
  size?: number | undefined
  /**
   * Maximum time without data from the server, both before the response and between chunks, in milliseconds.
   * Default 30,000; `Infinity` disables the timeout. A timeout is handled like a broken connection.
   */
  timeout?: number | undefined
  /** Base URL of the hub. Default: `HF_ENDPOINT`, or `https://huggingface.co`. */
  endpoint?: string | undefined
}

/**
 * How a model is loaded. `onProgress` counts downloaded bytes; `total` is 0 if the server does not report the
 * size.
 */
export interface OpenOptions extends LongCall {
  /**
   * Files with weights stored outside the model file, keyed by the `location` that the model records for
   * them.
   */
  externalData?: Readonly<Record<string, ModelSource>> | undefined
  download?: ModelDownload | undefined
  /** Whether the caller has preprocessing options, so that a broken configuration on the hub is ignored. */
  hasPreprocess?: boolean | undefined
}

/** A loaded model. */
export interface OpenedModel {
  model: ModelProto
  /** Display name: `'tiny'`, `'small'`, the path or URL (without password and query values), or `'bytes'`. */
  name: string
  /** Contents of the `preprocessor_config.json` next to the model on the hub. */
  preprocess?: HuggingFacePreprocess | undefined
}

/**
 * Loads an ONNX model.
 *
 * @throws {SoftmarginError} `FILE_UNREADABLE`, `MODEL_UNREADABLE`, `MODEL_UNSUPPORTED`, `INVALID_ARGUMENT`,
 *   `ABORTED`
 */
export async function openModel(source: ModelSource, options: OpenOptions = {}): Promise<OpenedModel> {
  const externalData: Record<string, Uint8Array> = {}
  for (const [location, file] of Object.entries(options.externalData ?? {})) {
    const { sha256, size, ...download } = options.download ?? {}
    const argument = `externalData['${location}']`
    externalData[location] = (await read(file, argument, { ...options, download })).bytes
  }
  const { bytes, name, hub } = await read(source, 'model', options, (whole, label) => {
    parseModel(whole, label)
  })
  const model = parseModel(bytes, labelOf(name))
  if (!hub) {
    await attach(model, externalData, name)
    return { model, name }
  }
  const { preprocessOnHub, readWeightsFromHub } = await import('./read-address.ts')
  await readWeightsFromHub(hub, model, externalData, options)
  await attach(model, externalData, name)
  const preprocess = await preprocessOnHub(hub, options)
  return preprocess === undefined ? { model, name } : { model, name, preprocess }
}

/** Attaches weights that are stored outside the model, which few models have. */
async function attach({ graph }: ModelProto, files: Record<string, Uint8Array>, name: string): Promise<void> {
  if (weightFiles(graph!).size === 0) return
  const { attachWeights } = await import('../../onnx/graph/read-model.ts')
  attachWeights(graph!, files, labelOf(name))
}

/** Reads the bytes of a source, with its display name. */
async function read(
  source: ModelSource,
  argument: string,
  options: OpenOptions,
  check?: (bytes: Uint8Array, label: string) => void,
): Promise<{ bytes: Uint8Array; name: string; hub?: HubModel | undefined }> {
  if (source === 'tiny') return { bytes: await readAsset('tiny.onnx'), name: source }
  if (source === 'small') return { bytes: await readAsset('small.onnx'), name: source }
  if ((typeof source !== 'string' || source === '') && !(source instanceof URL)) {
    return { bytes: await bytesOf(source, argument), name: 'bytes' }
  }
  const { readAddress } = await import('./read-address.ts')
  return readAddress(source, argument, options, check && ((bytes, name) => check(bytes, labelOf(name))))
}

function labelOf(name: string): string {
  return name === 'bytes' ? 'model' : `model ('${name}')`
}

async function bytesOf(source: unknown, argument: string): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source
  if (Object.prototype.toString.call(source) === '[object ArrayBuffer]') {
    return new Uint8Array(source as ArrayBuffer)
  }
  if (typeof (source as Blob | null)?.arrayBuffer === 'function') {
    return new Uint8Array(await (source as Blob).arrayBuffer())
  }
  throw invalidArgument(
    argument,
    source,
    `'tiny', 'small', the bytes of an .onnx file, a URL, a path or 'hf:owner/name'`,
  )
}
