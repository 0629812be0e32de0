import { SoftmarginError, show } from '../errors.ts'

/** Whether there is a file system to read: Node, Deno and Bun have one. */
export function hasFileSystem(): boolean {
  return typeof process === 'object' && typeof process?.versions?.node === 'string' && !isBrowserLike()
}

/** Some pages polyfill `process`; none of the runtimes with files has a `document`. */
function isBrowserLike(): boolean {
  return typeof document === 'object' && typeof window === 'object' && window.document === document
}

/** Whether a string names something to fetch or read by URL rather than a path: `http:`, `https:`, `file:`, `data:`, `blob:`. */
export function isUrl(text: string): boolean {
  return /^(https?|file|data|blob):/i.test(text)
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
  options: { signal?: AbortSignal } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const text = String(source)
  const url = source instanceof URL || isUrl(text)
  const onDisk = url ? /^file:/i.test(text) : true
  try {
    if (onDisk && hasFileSystem()) {
      const { readFile } = await import('node:fs/promises')
      // A copy, since Node hands small files out of a shared pool.
      return new Uint8Array(await readFile(url ? new URL(text) : text, { signal: options.signal }))
    }
    const response = await fetch(text, { signal: options.signal })
    if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`.trim())
    return new Uint8Array(await response.arrayBuffer())
  } catch (cause) {
    if (options.signal?.aborted) {
      throw new SoftmarginError('ABORTED', `reading ${name} was aborted by its signal`, {
        argument: 'signal',
        cause,
      })
    }
    throw new SoftmarginError(
      'FILE_UNREADABLE',
      `${name} must be readable, but ${show(text)} is not: ${reason(cause)}`,
      {
        argument: name,
        received: text,
        expected: 'a path or URL that can be read',
        cause,
      },
    )
  }
}

/** The innermost message of an error: `fetch failed` alone helps nobody. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
}
