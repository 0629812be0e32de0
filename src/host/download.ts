import { SoftmarginError, show } from '../errors.ts'
import type { LongCall } from '../progress.ts'
import { MemoryPart, modelCache, type Part, type Stored, sha256 } from './model-cache.ts'
import { hasFileSystem } from './node.ts'

/** How a file is downloaded. `onProgress` counts bytes; `total` is 0 where the server does not tell. */
export interface DownloadOptions extends LongCall {
  /** Where it is kept: a folder (in browsers the name of a cache), `true` for the usual one, `false` for nowhere. */
  cache?: boolean | string | undefined
  /** What the file's SHA-256 must be, in hexadecimal. */
  sha256?: string | undefined
  /** How many bytes it must have. */
  size?: number | undefined
  /** Called with the whole file before it is kept: what this throws is thrown, and nothing is kept. */
  check?: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined
}

/** How often a download that breaks off is begun again within a call. */
const attempts = 4

/** A server's answer that must not be asked for again. */
class Refusal extends Error {
  readonly status: number

  constructor(response: Response) {
    super(`the server answered ${response.status} ${response.statusText}`.trim())
    this.status = response.status
  }
}

/**
 * Downloads a file, or takes it from the cache if the server says that it has not changed (or says nothing).
 *
 * What breaks off is resumed where it broke off, if the server can do that and still has the same version, and
 * begun again otherwise. A file enters the cache as a whole, after it was checked.
 *
 * @param url `http:` or `https:`
 * @param name how the caller calls the argument, for error messages
 * @throws {SoftmarginError} `FILE_UNREADABLE` if it cannot be had, or has another size or SHA-256 than it should;
 *   `ABORTED`; what `check` throws
 */
export async function download(
  url: string,
  name: string,
  options: DownloadOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { signal } = options
  const cache = await modelCache(options.cache ?? true)
  const stored = await cache?.read(url)
  if (stored && options.sha256?.toLowerCase() === stored.sha256) return stored.bytes
  const part = (await cache?.open(url).catch(() => undefined)) ?? new MemoryPart()
  try {
    const loaded = await load(url, part, stored, options)
    if (loaded === 'unchanged') {
      await part.drop()
      return stored!.bytes
    }
    return await finish(url, name, part, loaded, options)
  } catch (cause) {
    if (signal?.aborted) {
      await part.leave()
      const details = { argument: 'signal', cause: signal.reason }
      throw new SoftmarginError('ABORTED', `downloading ${name} was aborted by its signal`, details)
    }
    if (cause instanceof SoftmarginError) {
      await part.drop()
      throw cause
    }
    await part.leave()
    // Better an old file than none.
    if (stored && !(cause instanceof Refusal)) return stored.bytes
    throw unreadable(name, url, whyNot(cause, part), cause)
  }
}

/** Whether a download failed because the server has no such file. */
export function isNotFound(error: unknown): boolean {
  return error instanceof SoftmarginError && error.cause instanceof Refusal && error.cause.status === 404
}

/** What the server told of the file. */
interface Loaded {
  etag: string | undefined
  /** What the Hugging Face hub tells of large files. */
  sha256: string | undefined
  size: number | undefined
}

async function load(
  url: string,
  part: Part,
  stored: Stored | undefined,
  { signal, onProgress }: DownloadOptions,
): Promise<Loaded | 'unchanged'> {
  for (let attempt = 1; ; attempt++) {
    try {
      signal?.throwIfAborted()
      const headers: Record<string, string> = { 'accept-encoding': 'identity' }
      if (part.length > 0) headers.range = `bytes=${part.length}-`
      else if (stored?.etag) headers['if-none-match'] = stored.etag
      const { response, linked } = await get(url, headers, signal)
      if (response.status === 304 && stored) return 'unchanged'
      const version = response.headers.get('etag') ?? response.headers.get('last-modified') ?? undefined
      const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '')
      if (part.length > 0 && (response.status === 416 || response.status === 206)) {
        const goesOn = response.status === 206 && Number(range?.[1]) === part.length && part.isOf(version)
        if (!goesOn) {
          await response.body?.cancel()
          await part.drop()
          continue
        }
      } else if (!response.ok) {
        await response.body?.cancel()
        if (response.status < 500 && response.status !== 429) throw new Refusal(response)
        throw new Error(new Refusal(response).message)
      }
      const total = totalOf(response, range?.[2])
      if (response.status !== 206) await part.restart(version, total)
      onProgress?.({ done: part.length, total: total ?? 0 })
      for await (const chunk of chunksOf(response)) {
        await part.append(chunk)
        onProgress?.({ done: part.length, total: total ?? 0 })
      }
      if (total !== undefined && part.length !== total) {
        throw new Error(`it broke off at ${part.length} of ${total} bytes`)
      }
      return { etag: response.headers.get('etag') ?? undefined, ...linked }
    } catch (error) {
      if (signal?.aborted || error instanceof Refusal || attempt === attempts) throw error
      await new Promise((resolve) => setTimeout(resolve, 100 * attempt))
    }
  }
}

/** Checks the whole file, then keeps it. */
async function finish(
  url: string,
  name: string,
  part: Part,
  loaded: Loaded,
  options: DownloadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await part.bytes()
  const size = options.size ?? loaded.size
  if (size !== undefined && bytes.length !== size) {
    throw unreadable(name, url, `it has ${bytes.length} bytes, but should have ${size}`)
  }
  const digest = await sha256(bytes)
  const wanted = (options.sha256 ?? loaded.sha256)?.toLowerCase()
  if (wanted !== undefined && digest !== wanted) {
    throw unreadable(name, url, `its SHA-256 is ${digest}, but should be ${wanted}`)
  }
  options.check?.(bytes)
  // What cannot be kept, on a full disk say, is downloaded again next time.
  await part.keep({ url, etag: loaded.etag, sha256: digest }).catch(() => part.drop())
  return bytes
}

/**
 * Fetches, following redirects by hand where the host lets us see them: the Hugging Face hub tells a file's size and
 * SHA-256 in the answer that redirects to where it lies.
 */
async function get(url: string, headers: Record<string, string>, signal: AbortSignal | undefined) {
  const linked: Pick<Loaded, 'sha256' | 'size'> = { sha256: undefined, size: undefined }
  let at = url
  for (let hops = 0; ; hops++) {
    const redirect = hasFileSystem() ? 'manual' : 'follow'
    const response = await fetch(at, { headers, redirect, signal: signal ?? null })
    const etag = /^"?([0-9a-f]{64})"?$/i.exec(response.headers.get('x-linked-etag') ?? '')?.[1]
    if (etag !== undefined) linked.sha256 = etag
    if (etag !== undefined && response.headers.has('x-linked-size')) {
      linked.size = Number(response.headers.get('x-linked-size'))
    }
    const location = response.headers.get('location')
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return { response, linked }
    await response.body?.cancel()
    if (hops === 10) throw new Error('it is redirected again and again')
    at = new URL(location, at).href
  }
}

/** The size of the whole file, where it is told. With a content encoding, it is that of something else. */
function totalOf(response: Response, ofRange: string | undefined): number | undefined {
  if (response.headers.get('content-encoding')) return undefined
  if (response.status === 206) return ofRange === undefined || ofRange === '*' ? undefined : Number(ofRange)
  const length = response.headers.get('content-length')
  return length === null ? undefined : Number(length)
}

/** Not every browser's streams can be iterated over. */
async function* chunksOf(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader()
  if (!reader) return
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    reader.releaseLock()
  }
}

function whyNot(cause: unknown, part: Part): string {
  const error = cause instanceof Error ? cause : new Error(String(cause))
  const behind = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  const kept = part.length > 0 && !(part instanceof MemoryPart)
  const next = kept ? `; ${part.length} bytes are kept, and the next call goes on from there` : ''
  return `${error.message}${behind}${next}`
}

function unreadable(name: string, url: string, why: string, cause?: unknown): SoftmarginError {
  return new SoftmarginError(
    'FILE_UNREADABLE',
    `${name} must be a file that can be read, but ${show(url)} is not: ${why}`,
    { argument: name, received: url, expected: 'a URL that can be read', cause },
  )
}
