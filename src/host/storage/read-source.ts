import { hasFileSystem } from '../platform/builtins.ts'
import { isUrl, type ReadBytesOptions, readBytes } from './read-bytes.ts'

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
  const { readUrl } = await import('./read-url.ts')
  return readUrl(text, name, signal)
}

/** The name of a source for messages: a URL without its password and the values of its query. */
export async function safeToShow(source: string): Promise<string> {
  if (!/^https?:/i.test(source)) return source
  const { withoutSecrets } = await import('./url-secrets.ts')
  return withoutSecrets(source)
}
