import { SoftmarginError, show } from '../errors.ts'
import { mostBytesOf, openHttp, Refusal, tooManyBytes } from './http.ts'
import { hasFileSystem, importBuiltin } from './node.ts'
import { causeWithoutSecrets, quotedWithoutSecrets, withoutSecrets } from './url-secrets.ts'

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
 * without files a path is fetched relative to the page. A server that is silent for 30 seconds counts as one that
 * cannot be read, and so do a redirect from `https:` to `http:` or to what is neither, and an answer that unpacks to a
 * hundred times its length. Messages leave out passwords and the values of a URL's query.
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
    // What these hold is here already.
    if (/^(data|blob):/i.test(text)) {
      const response = await fetch(text, { signal })
      return checked(new Uint8Array(await response.arrayBuffer()), response.headers.get('content-type'))
    }
    const { bytes, type } = await fetchBytes(text, signal)
    return checked(bytes, type)
  } catch (cause) {
    if (signal?.aborted) {
      const details = { argument: 'signal', cause }
      throw new SoftmarginError('ABORTED', `reading ${name} was aborted by its signal`, details)
    }
    const shown = withoutSecrets(text)
    const why = quotedWithoutSecrets(reason(cause), text)
    const message = `${name} must be a file that can be read, but ${show(shown)} is not: ${why}`
    throw new SoftmarginError('FILE_UNREADABLE', message, {
      argument: name,
      received: shown,
      expected: 'a path or URL that can be read',
      cause: causeWithoutSecrets(cause, text),
    })
  }
}

/** The whole answer to a URL, unless it is larger than memory should hold. */
async function fetchBytes(url: string, signal: AbortSignal | undefined) {
  const answer = await openHttp(url, { signal })
  const { response } = answer
  if (!response.ok) {
    await answer.cancel()
    throw Refusal.of(response)
  }
  const most = mostBytesOf(response)
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of answer.pieces()) {
    length += piece.length
    if (length > most) throw tooManyBytes(response)
    pieces.push(piece)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return { bytes, type: response.headers.get('content-type') }
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
