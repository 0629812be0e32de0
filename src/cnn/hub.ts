import { invalidArgument } from '../errors.ts'

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
  if (id === undefined || id.includes('..') || file?.split('/').includes('..')) {
    throw invalidArgument(
      argument,
      source,
      `'hf:owner/name', 'hf:owner/name@revision' or 'hf:owner/name/file'`,
    )
  }
  return { id, revision: decodeURIComponent(revision), files: file === undefined ? usualFiles : [file] }
}

/** The address of a file of a model. */
export function hubUrl(endpoint: string, { id, revision }: HubModel, file: string): string {
  const path = file.split('/').map(encodeURIComponent).join('/')
  return `${endpoint}/${id}/resolve/${encodeURIComponent(revision)}/${path}`
}
