// Reads models by their addresses: from paths, from URLs and from the Hugging Face hub. Loaded for the first of them.

import type { LongCall } from '../../core/call-options.ts'
import { SoftmarginError } from '../../core/errors.ts'
import { type DownloadOptions, download, isNotFound } from '../../host/download/download.ts'
import { hubEndpoint } from '../../host/download/hub-endpoint.ts'
import { type HubModel, hubUrl, parseHubSource } from '../../host/download/hub-source.ts'
import { readSource, safeToShow } from '../../host/storage/read-source.ts'
import type { HuggingFacePreprocess } from '../../image/hugging-face-config.ts'
import { weightFiles } from '../../onnx/graph/external-data.ts'
import type { ModelProto } from '../../onnx/proto/onnx.ts'

/** How files beside a model are downloaded. */
interface HubOptions extends LongCall {
  hasPreprocess?: boolean | undefined
  download?: (Pick<DownloadOptions, 'cache' | 'timeout'> & { endpoint?: string | undefined }) | undefined
}

/**
 * Reads a model by its address.
 *
 * @param check called with what was downloaded before that is kept, with its display name
 * @throws {SoftmarginError} the errors of `readFromHub`, `download` and `readSource`
 */
export async function readAddress(
  source: string | URL,
  argument: string,
  options: HubOptions &
    Pick<DownloadOptions, 'signal' | 'onProgress'> & { download?: DownloadOptions | undefined },
  check: ((bytes: Uint8Array, name: string) => void) | undefined,
): Promise<{ bytes: Uint8Array; name: string; hub?: HubModel | undefined }> {
  const { signal, onProgress } = options
  const address = String(source)
  const name = await safeToShow(address)
  const { endpoint, ...how } = options.download ?? {}
  const fetching = { ...how, signal, onProgress, check: check && ((bytes: Uint8Array) => check(bytes, name)) }
  if (address.startsWith('hf:')) {
    return { ...(await readFromHub(address, argument, endpoint, fetching)), name }
  }
  if (/^https?:/i.test(address)) return { bytes: await download(address, argument, fetching), name }
  return { bytes: await readSource(source, argument, { signal }), name }
}

/**
 * Downloads the model that a source `'hf:...'` names: the first of the candidate files that exists, which `hub.files` then
 * lists alone.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`, and the errors of `download`
 */
export async function readFromHub(
  source: string,
  argument: string,
  endpoint = hubEndpoint(),
  options: DownloadOptions = {},
): Promise<{ bytes: Uint8Array; hub: HubModel }> {
  const hub = parseHubSource(source, argument)
  for (const [i, file] of hub.files.entries()) {
    try {
      const bytes = await download(hubUrl(endpoint, hub, file), argument, options)
      hub.files = [file]
      return { bytes, hub }
    } catch (error) {
      if (i === hub.files.length - 1 || !isNotFound(error)) throw error
    }
  }
  throw new SoftmarginError('INTERNAL', 'a model on the hub has no candidate files')
}

/**
 * Downloads the external data files of a model on the hub and adds them to `externalData`, except those that the caller
 * supplied.
 */
export async function readWeightsFromHub(
  hub: HubModel,
  model: ModelProto,
  externalData: Record<string, Uint8Array>,
  options: HubOptions,
): Promise<void> {
  const { endpoint = hubEndpoint(), cache, timeout } = options.download ?? {}
  const folder = hub.files[0].split('/').slice(0, -1)
  for (const location of weightFiles(model.graph!)) {
    // Skip names that escape the model's folder; `attachWeights` then reports the file as missing.
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

/**
 * Downloads the preprocessing configuration of a hub model, if there is one.
 *
 * @throws {SoftmarginError} `MODEL_UNREADABLE` if it is not JSON, unless the caller has preprocessing options; the errors of
 *   `download`
 */
export async function preprocessOnHub(
  hub: HubModel,
  options: HubOptions,
): Promise<HuggingFacePreprocess | undefined> {
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
    if (options.hasPreprocess) return undefined
    const message = `${file} of ${hub.id} is not valid JSON: pass the option preprocess instead`
    throw new SoftmarginError('MODEL_UNREADABLE', message, { argument: 'model', cause })
  }
}
