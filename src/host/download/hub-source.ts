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
const DEFAULT_FILES = ['onnx/model.onnx', 'model.onnx']

/**
 * Parses `hf:owner/name[@revision][/file]`. A slash in the revision is written as `%2F`.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`
 */
export function parseHubSource(source: string, argument = 'model'): HubModel {
  const [, id, revision = 'main', file] =
    /^hf:([\w.-]+\/[\w.-]+)(?:@([^/@]+))?(?:\/(.+))?$/.exec(source) ?? []
  const expected = `'hf:owner/name', 'hf:owner/name/file', 'hf:owner/name@revision' or 'hf:owner/name@revision/file'`
  if (id === undefined || id.includes('..') || file?.split('/').includes('..')) {
    throw invalidArgument(argument, source, expected)
  }
  if (file !== undefined && !isEncodable(file)) {
    throw invalidArgument(
      argument,
      source,
      `${expected}, whose file can be part of a URL (no unpaired surrogates)`,
    )
  }
  const decodedRevision = decodeRevision(revision)
  if (decodedRevision === undefined) {
    throw invalidArgument(
      argument,
      source,
      `${expected}, whose revision is percent-encoded ('%2F' for a slash) without '..'`,
    )
  }
  return { id, revision: decodedRevision, files: file === undefined ? DEFAULT_FILES : [file] }
}

/** Decodes a revision; `undefined` if it is malformed or would escape the model's folder. */
function decodeRevision(revision: string): string | undefined {
  try {
    const text = decodeURIComponent(revision)
    return isEncodable(text) && !text.split('/').some((part) => part === '.' || part === '..')
      ? text
      : undefined
  } catch {
    // Malformed percent-encoding or invalid UTF-8.
    return undefined
  }
}

/** Whether a text can be percent-encoded, which fails for unpaired surrogates. */
function isEncodable(text: string): boolean {
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
