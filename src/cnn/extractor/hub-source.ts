import { invalidArgument } from '../../core/errors.ts'

/** A model on the Hugging Face hub. */
export interface HubModel {
  /** `owner/name`. */
  id: string
  /** A branch, tag or commit. */
  revision: string
  /** Files to try, the first that is there is taken. */
  files: string[]
}

/** Where ONNX models lie on the hub, when nothing is said: as transformers.js has them, then at the top. */
const usualFiles = ['onnx/model.onnx', 'model.onnx']

/** Whether a source names a model on the hub. */
export function isHubSource(source: string): boolean {
  return source.startsWith('hf:')
}

/**
 * Reads `hf:owner/name[@revision][/file]`. A revision that has a slash in it is written with `%2F`.
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

/** A revision as the hub knows it; nothing for one that is none, or that would lead out of the model's folder. */
function decoded(revision: string): string | undefined {
  try {
    const text = decodeURIComponent(revision)
    return isWritable(text) && !text.split('/').some((part) => part === '.' || part === '..')
      ? text
      : undefined
  } catch {
    // A % that two hexadecimal digits do not follow, or bytes that are no UTF-8.
    return undefined
  }
}

/** Whether a text can stand in a URL: half of a character of two 16-bit units cannot. */
function isWritable(text: string): boolean {
  try {
    encodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** The address of a file of a model. */
export function hubUrl(endpoint: string, { id, revision }: HubModel, file: string): string {
  const path = file.split('/').map(encodeURIComponent).join('/')
  return `${endpoint}/${id}/resolve/${encodeURIComponent(revision)}/${path}`
}
