import type { ModelProto } from 'onnx-buf'
import type { LongCall } from '../../core/call-options.ts'
import { invalidArgument, SoftmarginError } from '../../core/errors.ts'
import { readAsset } from '../../host/assets.ts'
import { download, isNotFound } from '../../host/download/download.ts'
import { hubEndpoint } from '../../host/download/hub-endpoint.ts'
import { readSource } from '../../host/storage/read-source.ts'
import { withoutSecrets } from '../../host/storage/url-secrets.ts'
import type { HuggingFacePreprocess } from '../../image/hugging-face.ts'
import { attachWeights, weightFiles } from '../../onnx/graph/external-data.ts'
import { parseModel } from '../../onnx/graph/read.ts'
import { type HubModel, hubUrl, isHubSource, parseHubSource } from './hub-source.ts'

/**
 * Where a CNN comes from: `'tiny'` (the one that ships), the bytes of an .onnx file, a path, a URL, or a model of the
 * Hugging Face hub: `'hf:owner/name'`, with `@revision` and `/file` where they are not the usual ones.
 */
export type ModelSource = 'tiny' | Uint8Array | ArrayBuffer | Blob | URL | (string & {})

/** How models are downloaded: those of `http:` and `https:` URLs and of the hub. */
export interface ModelDownload {
  /**
   * Where they are kept: a folder, in browsers the name of a cache; `true` for the usual place (`SOFTMARGIN_CACHE`,
   * or `softmargin` in `XDG_CACHE_HOME` or `~/.cache`; the Cache API in browsers), `false` for nowhere. Default `true`.
   */
  cache?: boolean | string | undefined
  /** What the model's SHA-256 must be, in hexadecimal. A model of the hub is checked against the hub's own. */
  sha256?: string | undefined
  /** How many bytes the model must have. */
  size?: number | undefined
  /**
   * How long the server may be silent, before it answers and between two pieces of the file: milliseconds. Default
   * 30,000; `Infinity` waits for ever. What breaks off this way counts as broken off.
   */
  timeout?: number | undefined
  /** Where the hub is. Default `HF_ENDPOINT`, or `https://huggingface.co`. */
  endpoint?: string | undefined
}

/** How a model is read. `onProgress` counts the bytes of a download; `total` is 0 where the server does not tell. */
export interface OpenOptions extends LongCall {
  /** Files that hold weights of the model, by the name that it has for them (its `location`). */
  externalData?: Readonly<Record<string, ModelSource>> | undefined
  download?: ModelDownload | undefined
}

/** A model that was read. */
export interface OpenedModel {
  model: ModelProto
  /** What to call it: `'tiny'`, the path or URL (without a password and the values of its query), or `'bytes'`. */
  name: string
  /** The `preprocessor_config.json` that lies beside it on the hub. */
  preprocess?: HuggingFacePreprocess | undefined
}

/**
 * Reads an ONNX model.
 *
 * @throws {SoftmarginError} `FILE_UNREADABLE`, `MODEL_UNREADABLE`, `MODEL_UNSUPPORTED`, `INVALID_ARGUMENT`, `ABORTED`
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
  if (hub) await readWeightsFromHub(hub, model, externalData, options)
  attachWeights(model.graph!, externalData, labelOf(name))
  const preprocess = hub && (await besideOnHub(hub, options))
  return preprocess === undefined ? { model, name } : { model, name, preprocess }
}

/** The bytes of a source, and what to call it. */
async function read(
  source: ModelSource,
  argument: string,
  options: OpenOptions,
  check?: (bytes: Uint8Array, label: string) => void,
): Promise<{ bytes: Uint8Array; name: string; hub?: HubModel | undefined }> {
  const { signal } = options
  if (source === 'tiny') return { bytes: await readAsset('tiny.onnx'), name: 'tiny' }
  if ((typeof source !== 'string' || source === '') && !(source instanceof URL)) {
    return { bytes: await bytesOf(source, argument), name: 'bytes' }
  }
  const address = String(source)
  const name = withoutSecrets(address)
  const { endpoint, ...how } = options.download ?? {}
  const fetching = {
    ...how,
    signal,
    onProgress: options.onProgress,
    check: check && ((bytes: Uint8Array) => check(bytes, labelOf(name))),
  }
  if (isHubSource(address)) {
    const hub = parseHubSource(address, argument)
    return { bytes: await readFromHub(hub, argument, endpoint ?? hubEndpoint(), fetching), name, hub }
  }
  if (/^https?:/i.test(address)) return { bytes: await download(address, argument, fetching), name }
  return { bytes: await readSource(source, argument, { signal }), name }
}

/** The first of the model's files that is there. From then on it is the only one. */
async function readFromHub(
  hub: HubModel,
  argument: string,
  endpoint: string,
  options: Parameters<typeof download>[2],
): Promise<Uint8Array> {
  for (const [i, file] of hub.files.entries()) {
    try {
      const bytes = await download(hubUrl(endpoint, hub, file), argument, options)
      hub.files = [file]
      return bytes
    } catch (error) {
      if (i === hub.files.length - 1 || !isNotFound(error)) throw error
    }
  }
  throw new SoftmarginError('INTERNAL', 'a model of the hub has no files to try')
}

/** Files of weights that lie beside a model of the hub, unless the caller gave them. */
async function readWeightsFromHub(
  hub: HubModel,
  model: ModelProto,
  externalData: Record<string, Uint8Array>,
  options: OpenOptions,
): Promise<void> {
  const { endpoint = hubEndpoint(), cache, timeout } = options.download ?? {}
  const folder = hub.files[0].split('/').slice(0, -1)
  for (const location of weightFiles(model.graph!)) {
    // A name that leads out of the folder is left to the message that the file is missing.
    if (Object.hasOwn(externalData, location) || /(^|\/)\.\.(\/|$)|^\/|\\/.test(location)) continue
    const url = hubUrl(endpoint, hub, [...folder, location].join('/'))
    const { signal, onProgress } = options
    externalData[location] = await download(url, `the model's file '${location}'`, {
      cache,
      timeout,
      signal,
      onProgress,
    })
  }
}

/** The preprocessing of a model of the hub, if there is one. */
async function besideOnHub(hub: HubModel, options: OpenOptions): Promise<HuggingFacePreprocess | undefined> {
  const { endpoint = hubEndpoint(), cache, timeout } = options.download ?? {}
  const file = 'preprocessor_config.json'
  try {
    const bytes = await download(hubUrl(endpoint, hub, file), file, {
      cache,
      timeout,
      signal: options.signal,
    })
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    if (isNotFound(cause)) return undefined
    if (cause instanceof SoftmarginError) throw cause
    const message = `${file} of ${hub.id} must be JSON: ${cause}`
    throw new SoftmarginError('MODEL_UNREADABLE', message, { argument: 'model', cause })
  }
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
    `'tiny', the bytes of an .onnx file, a URL, a path or 'hf:owner/name'`,
  )
}
