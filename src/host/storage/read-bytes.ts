import { SoftmarginError, show } from '../../core/errors.ts'
import { hasFileSystem, importBuiltin } from '../platform/builtins.ts'

/** Whether a string is a URL rather than a path: one of `http:`, `https:`, `file:`, `data:`, `blob:`. */
export function isUrl(text: string): boolean {
  return /^(https?|file|data|blob):/i.test(text)
}

/** How bytes are read. */
export interface ReadBytesOptions {
  signal?: AbortSignal
  /** What is wrong with what came, if anything is; `type` is what the server calls it. */
  fault?: (bytes: Uint8Array, type: string | null) => string | undefined
}

/**
 * Reads a whole file or URL.
 *
 * `file:` URLs and paths are read from the disk where there is one; everything else is fetched. On hosts
 * without files a path is fetched relative to the page.
 *
 * @param source a path, a URL, or a string that begins with `http:`, `https:`, `file:`, `data:` or `blob:`
 * @param name how the caller calls the argument, for error messages
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
      // A copy where Node hands a small file out of a pool that it shares with others.
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

/** An error's message with the one behind it: `fetch failed` alone helps nobody. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
}

/** The error for a file that is there but cannot be read. */
export function unreadable(path: string, cause: unknown): SoftmarginError {
  const message = `the file ${show(path)} cannot be read: ${reason(cause)}`
  const details = { argument: 'path', received: path, expected: 'a file that can be read', cause }
  return new SoftmarginError('FILE_UNREADABLE', message, details)
}
