import { invalidArgument } from '../../core/errors.ts'

/** A model on the Hugging Face hub. */
export interface HubModel {
  /** `owner/name`. */
  id: string
  /** Branch, tag or commit. */
  revision: string
  /** Candidate files, tried in order; the first that exists is used. */
  files: string[]
}

/** Default locations of an ONNX model on the hub: the one that transformers.js uses, then the top folder. */
const usualFiles = ['onnx/model.onnx', 'model.onnx']

/**
 * Parses `hf:owner/name[@revision][/file]`. A slash in the revision is written as `%2F`.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`
 */
export function parseHubSource(source: string, argument = 'model'): HubModel {
  const [, id, revision = 'main', file] =
    /^hf:([\w.-]+\/[\w.-]+)(?:@([^/@]+))?(?:\/(.+))?$/.exec(source) ?? []
  const expected = `'hf:owner/name', 'hf:owner/name@revision' or 'hf:owner/name/file'`
  if (id === undefined || id.includes('..') || file?.split('/').includes('..')) {
    throw invalidArgument(argument, source, expected)
  }
  const model = { revision: decoded(revision), files: file === undefined ? usualFiles : [file] }
  if (model.revision === undefined || !isWritable(file ?? '')) {
    throw invalidArgument(
      argument,
      source,
      `${expected}, whose revision is a part of a URL ('%2F' for a slash)`,
    )
  }
  return { ...model, id, revision: model.revision }
}

/** Decodes a revision; `undefined` if it is malformed or would escape the model's folder. */
function decoded(revision: string): string | undefined {
  try {
    const text = decodeURIComponent(revision)
    return isWritable(text) && !text.split('/').some((part) => part === '.' || part === '..')
      ? text
      : undefined
  } catch {
    // Malformed percent-encoding or invalid UTF-8.
    return undefined
  }
}

/** Whether a text can be percent-encoded, which fails for unpaired surrogates. */
function isWritable(text: string): boolean {
  try {
    encodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** Download URL of a file of a model. */
export function hubUrl(endpoint: string, { id, revision }: HubModel, file: string): string {
  const path = file.split('/').map(encodeURIComponent).join('/')
  return `${endpoint}/${id}/resolve/${encodeURIComponent(revision)}/${path}`
}
