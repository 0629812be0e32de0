import { SoftmarginError, show } from '../../core/errors.ts'
import { hasFileSystem, importBuiltin } from '../platform/builtins.ts'

/** Whether a string is a URL rather than a path: it begins with `http:`, `https:`, `file:`, `data:` or `blob:`. */
export function isUrl(text: string): boolean {
  return /^(https?|file|data|blob):/i.test(text)
}

/** Options of `readBytes`. */
export interface ReadBytesOptions {
  signal?: AbortSignal
  /** Returns what is wrong with the bytes, if anything; `type` is the content type that the server sent. */
  fault?: (bytes: Uint8Array, type: string | null) => string | undefined
}

/**
 * Reads a whole file or URL, without limits on what a server may send: for the package's own files. `readSource` reads
 * those that a user names.
 *
 * `file:` URLs and paths are read from disk if there is a file system; everything else is fetched. On hosts without a
 * file system, a path is fetched relative to the page.
 *
 * @param source a path, a URL, or a string that begins with `http:`, `https:`, `file:`, `data:` or `blob:`
 * @param name the caller's name for the argument, for error messages
 * @throws {SoftmarginError} `FILE_UNREADABLE`; `ABORTED` if the signal fires
 */
export async function readBytes(
  source: string | URL,
  name = 'source',
  options: ReadBytesOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { signal, fault } = options
  const checked = (bytes: Uint8Array<ArrayBuffer>, type: string | null = null) => {
    const wrong = fault?.(bytes, type)
    if (wrong !== undefined) throw new Error(wrong)
    return bytes
  }
  const text = String(source)
  const isPath = typeof source === 'string' && !isUrl(source)
  try {
    if (hasFileSystem() && (isPath || /^file:/i.test(text))) {
      const { readFile } = await importBuiltin('node:fs/promises')
      // Copied if Node allocated a small file from its shared buffer pool.
      const bytes = await readFile(isPath ? text : new URL(text), { signal })
      const isWhole = bytes.byteLength === bytes.buffer.byteLength
      return checked(isWhole ? new Uint8Array(bytes.buffer as ArrayBuffer) : new Uint8Array(bytes))
    }
    const response = await fetch(text, { signal })
    if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`.trim())
    return checked(new Uint8Array(await response.arrayBuffer()), response.headers.get('content-type'))
  } catch (cause) {
    if (signal?.aborted) {
      const details = { argument: 'signal', cause }
      throw new SoftmarginError('ABORTED', `reading ${name} was aborted by its signal`, details)
    }
    const message = `${name} must be a file that can be read, but ${show(text)} is not: ${reason(cause)}`
    throw new SoftmarginError('FILE_UNREADABLE', message, {
      argument: name,
      received: text,
      expected: 'a path or URL that can be read',
      cause,
    })
  }
}

/** The message of an error with that of its cause, since `fetch failed` alone says too little. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
}

/** The error for a file that cannot be read. */
export function unreadable(path: string, cause: unknown): SoftmarginError {
  const message = `the file ${show(path)} cannot be read: ${reason(cause)}`
  const details = { argument: 'path', received: path, expected: 'a file that can be read', cause }
  return new SoftmarginError('FILE_UNREADABLE', message, details)
}
