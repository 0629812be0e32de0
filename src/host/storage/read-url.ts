import { SoftmarginError, show } from '../../core/errors.ts'
import { maxBytesOf, openHttp, Refusal, tooManyBytes } from './http.ts'
import { causeWithoutSecrets, quotedWithoutSecrets, withoutSecrets } from './url-secrets.ts'

/**
 * Reads a whole response to a URL that a user specified; see `readSource`. Loaded for the first such URL.
 *
 * @throws {SoftmarginError} `FILE_UNREADABLE`; `ABORTED` if the signal fires
 */
export async function readUrl(
  url: string,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await fetchBytes(url, signal)
  } catch (cause) {
    throw unreadableUrl(url, name, signal, cause)
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
  const limit = maxBytesOf(response)
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
