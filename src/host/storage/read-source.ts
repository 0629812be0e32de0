import { SoftmarginError, show } from '../../core/errors.ts'
import { hasFileSystem } from '../platform/builtins.ts'
import { mostBytesOf, openHttp, Refusal, tooManyBytes } from './http.ts'
import { isUrl, type ReadBytesOptions, readBytes } from './read-bytes.ts'
import { causeWithoutSecrets, quotedWithoutSecrets, withoutSecrets } from './url-secrets.ts'

/**
 * Reads a whole file or URL that a user names, as `readBytes` does, but guarded against the server: one that is silent
 * for 30 seconds counts as one that cannot be read, and so do a redirect from `https:` to `http:` or to what is neither,
 * and an answer that unpacks to a hundred times its length. Messages leave out passwords and the values of a URL's query.
 *
 * Of its own, so that what only loads the package's own files is small.
 *
 * @param name how the caller calls the argument, for error messages
 * @throws {SoftmarginError} `FILE_UNREADABLE`; `ABORTED` if the signal fires
 */
export async function readSource(
  source: string | URL,
  name = 'source',
  options: Pick<ReadBytesOptions, 'signal'> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { signal } = options
  const text = String(source)
  const isPath = typeof source === 'string' && !isUrl(source)
  // Paths are relative to the page where there are no files.
  if (!/^https?:/i.test(text) && (!isPath || hasFileSystem())) return readBytes(source, name, options)
  try {
    return await fetchBytes(text, signal)
  } catch (cause) {
    throw unreadableUrl(text, name, signal, cause)
  }
}

/** The error for a URL that could not be read, or `ABORTED` where the signal has fired. */
export function unreadableUrl(
  url: string,
  name: string,
  signal: AbortSignal | undefined,
  cause: unknown,
): SoftmarginError {
  const safeCause = causeWithoutSecrets(cause, url)
  if (signal?.aborted) {
    const details = { argument: 'signal', cause: safeCause }
    return new SoftmarginError('ABORTED', `reading ${name} was aborted by its signal`, details)
  }
  const error = cause instanceof Error ? cause : new Error(String(cause))
  // `fetch failed` alone helps nobody.
  const behind = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  const why = quotedWithoutSecrets(`${error.message}${behind}`, url)
  const shown = withoutSecrets(url)
  return new SoftmarginError(
    'FILE_UNREADABLE',
    `${name} must be a file that can be read, but ${show(shown)} is not: ${why}`,
    { argument: name, received: shown, expected: 'a path or URL that can be read', cause: safeCause },
  )
}

/** The whole answer to a URL, unless it is larger than memory should hold. */
async function fetchBytes(url: string, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> {
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
  return bytes
}
