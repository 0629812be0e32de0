import type { ModelProto } from 'onnx-buf'
import { invalidArgument, SoftmarginError } from '../errors.ts'
import { readAsset } from '../host/assets.ts'
import { readBytes } from '../host/bytes.ts'
import type { Preprocess } from '../image/preprocess.ts'
import { metadataKey } from '../onnx/classifier-names.ts'
import { readModel } from '../onnx/read.ts'

/** Where a CNN comes from: `'tiny'` (the one that ships), the bytes of an .onnx file, a URL, or a path. */
export type ModelSource = 'tiny' | Uint8Array | ArrayBuffer | Blob | URL | (string & {})

/** How a model is read. */
export interface OpenOptions {
  /** Files that hold weights of the model, by the name that it has for them (its `location`). */
  externalData?: Record<string, ModelSource> | undefined
  signal?: AbortSignal | undefined
}

/**
 * Reads an ONNX model.
 *
 * @returns the model, and what to call it: `'tiny'`, the path or URL, or `'bytes'`
 * @throws {SoftmarginError} `FILE_UNREADABLE`, `MODEL_UNREADABLE`, `MODEL_UNSUPPORTED`, `INVALID_ARGUMENT`
 */
export async function openModel(
  source: ModelSource,
  options: OpenOptions = {},
): Promise<{ model: ModelProto; name: string }> {
  const externalData: Record<string, Uint8Array> = {}
  for (const [location, file] of Object.entries(options.externalData ?? {})) {
    externalData[location] = (await read(file, `externalData['${location}']`, options)).bytes
  }
  const { bytes, name } = await read(source, 'model', options)
  const label = name === 'bytes' ? 'model' : `model ('${name}')`
  return { model: readModel(bytes, label, externalData), name }
}

/** The bytes of a source, and what to call it. */
async function read(source: ModelSource, argument: string, { signal }: OpenOptions) {
  if (source === 'tiny') return { bytes: await readAsset('tiny.onnx'), name: 'tiny' }
  if ((typeof source === 'string' && source !== '') || source instanceof URL) {
    return { bytes: await readBytes(source, argument, { signal }), name: String(source) }
  }
  return { bytes: await bytesOf(source, argument), name: 'bytes' }
}

async function bytesOf(source: unknown, argument: string): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source
  if (Object.prototype.toString.call(source) === '[object ArrayBuffer]') {
    return new Uint8Array(source as ArrayBuffer)
  }
  if (typeof (source as Blob | null)?.arrayBuffer === 'function') {
    return new Uint8Array(await (source as Blob).arrayBuffer())
  }
  throw invalidArgument(argument, source, `'tiny', the bytes of an .onnx file, a URL or a path`)
}

/**
 * The preprocessing that a model's file asks for: the field `preprocess` of the JSON under the key
 * `softmargin` of its `metadata_props`.
 *
 * @throws {SoftmarginError} `MODEL_UNREADABLE` if that is no JSON object
 */
export function ownPreprocess(model: ModelProto): Preprocess {
  const text = model.metadataProps.find(({ key }) => key === metadataKey)?.value
  if (text === undefined) return {}
  try {
    const preprocess: unknown = JSON.parse(text).preprocess ?? {}
    if (typeof preprocess !== 'object') throw new Error(`its preprocess is ${JSON.stringify(preprocess)}`)
    return preprocess as Preprocess
  } catch (cause) {
    const message = `the model's metadata '${metadataKey}' must be a JSON object: ${cause}`
    throw new SoftmarginError('MODEL_UNREADABLE', message, { argument: 'model', cause })
  }
}
