import { SoftmarginError, show } from '../../core/errors.ts'
import { hasFileSystem } from '../platform/builtins.ts'
import { mostBytesOf, openHttp, Refusal, tooManyBytes } from './http.ts'
import { isUrl, type ReadBytesOptions, readBytes } from './read-bytes.ts'
import { causeWithoutSecrets, quotedWithoutSecrets, withoutSecrets } from './url-secrets.ts'

/**
 * Reads a whole file or URL that a user specified, like `readBytes`, but hardened against misbehaving servers: it fails
 * if the server is silent for 30 seconds, redirects from `https:` to `http:` or to another scheme, or sends a
 * response that decompresses to more than a hundred times its size. Error messages omit passwords and the values of a
 * URL's query.
 *
 * A separate module, so that code which only loads the package's own files stays small.
 *
 * @param name the caller's name for the argument, for error messages
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
  // Without a file system, paths are relative to the page.
  if (!/^https?:/i.test(text) && (!isPath || hasFileSystem())) return readBytes(source, name, options)
  try {
    return await fetchBytes(text, signal)
  } catch (cause) {
    throw unreadableUrl(text, name, signal, cause)
  }
}

/** The error for a URL that could not be read, or `ABORTED` if the signal has fired. */
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
  // `fetch failed` alone says too little, so the cause is added.
  const causeText = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  const why = quotedWithoutSecrets(`${error.message}${causeText}`, url)
  const safeUrl = withoutSecrets(url)
  return new SoftmarginError(
    'FILE_UNREADABLE',
    `${name} must be a file that can be read, but ${show(safeUrl)} is not: ${why}`,
    { argument: name, received: safeUrl, expected: 'a path or URL that can be read', cause: safeCause },
  )
}

/** Reads the whole response to a URL, up to the size limit. */
async function fetchBytes(url: string, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> {
  const exchange = await openHttp(url, { signal })
  const { response } = exchange
  if (!response.ok) {
    await exchange.cancel()
    throw Refusal.of(response)
  }
  const limit = mostBytesOf(response)
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of exchange.chunks()) {
    length += chunk.length
    if (length > limit) throw tooManyBytes(response)
    chunks.push(chunk)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
