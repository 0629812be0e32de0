// Downloads files with resume, verification and a cache.

import type { LongCall } from '../../core/call-options.ts'
import { invalidArgument, SoftmarginError, show, throwIfAborted } from '../../core/errors.ts'
import { sha256 } from '../../core/sha256.ts'
import {
  type HttpAnswer,
  isPacked,
  maxBytesOf,
  openHttp,
  Refusal,
  tooManyBytes,
  UnresponsiveServer,
} from '../storage/http.ts'
import { causeWithoutSecrets, quotedWithoutSecrets, withoutSecrets } from '../storage/url-secrets.ts'
import { MemoryDownload, type PartialDownload, type Stored } from './model-cache.ts'
import { openModelCache } from './open-model-cache.ts'

/** Options of a download. `onProgress` counts bytes; `total` is 0 if the server does not report it. */
export interface DownloadOptions extends LongCall {
  /**
   * Where to cache the file: a folder (in browsers the name of a cache), `true` for the default, `false` for no
   * cache.
   */
  cache?: boolean | string | undefined
  /** The expected SHA-256, in hexadecimal. */
  sha256?: string | undefined
  /** The expected size in bytes. */
  size?: number | undefined
  /** How long to wait for data from the server, in milliseconds. Default 30,000. */
  timeout?: number | undefined
  /** Validates the complete file before it is cached. An exception it throws is passed on, and nothing is cached. */
  check?: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined
}

/** How many attempts one call makes to complete a download. */
const MAX_ATTEMPTS = 4
/** The wait before the second attempt, in milliseconds; twice as long before the third, and so on. */
const RETRY_DELAY_MS = 100

/**
 * Downloads a file, or returns it from the cache if the server confirms that it has not changed or cannot be reached.
 * A cached file is used only if it has the requested `size` and `sha256`; if `sha256` is set, the server is not asked.
 *
 * An interrupted download is resumed if the server supports ranges and still has the same version; otherwise it
 * starts again. A file is added to the cache only when it is complete and verified.
 *
 * @param url `http:` or `https:`
 * @param name the caller's name for the argument, for error messages
 * @throws {SoftmarginError} `FILE_UNREADABLE` if it cannot be downloaded, does not have the expected size or SHA-256,
 *   or is too large for a model; `INVALID_ARGUMENT` for invalid options; `ABORTED`; what `check` throws
 */
export async function download(
  url: string,
  name: string,
  options: DownloadOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { signal } = options
  checkOptions(options)
  if (!/^https?:/i.test(url) || !URL.canParse(url))
    throw unreadable(name, url, 'it is not an http: or https: URL')
  throwIfAborted(signal)
  const cache = await openModelCache(options.cache ?? true)
  const found = await cache?.read(url)
  // A cached file with another size or hash than requested is not used, even if the server confirms its version.
  const stored = found && mismatch(found.bytes, found.sha256, options) === undefined ? found : undefined
  if (stored && options.sha256 !== undefined) return stored.bytes
  const part = (await cache?.open(url).catch(() => undefined)) ?? new MemoryDownload()
  try {
    const facts = await fetchWithRetries(url, part, stored, options)
    if (facts === 'unchanged') {
      await part.discard()
      return stored!.bytes
    }
    return await finish(url, name, part, facts, options)
  } catch (cause) {
    if (signal?.aborted) {
      await part.suspend()
      const details = { argument: 'signal', cause: causeWithoutSecrets(signal.reason, url) }
      throw new SoftmarginError('ABORTED', `downloading ${name} was aborted by its signal`, details)
    }
    if (cause instanceof SoftmarginError) {
      await part.discard()
      throw cause
    }
    // A file that was rejected for its content would be rejected again, so its bytes are not kept for a later resume.
    if (cause instanceof Refusal && cause.status === undefined) await part.discard()
    else await part.suspend()
    // Without a connection, a cached file is still used, although it may be outdated.
    if (stored && !(cause instanceof Refusal)) return stored.bytes
    throw unreadable(name, url, whyNot(cause, part), cause)
  }
}

function checkOptions({ sha256, size, timeout }: DownloadOptions): void {
  if (sha256 !== undefined && !(typeof sha256 === 'string' && /^[0-9a-f]{64}$/i.test(sha256))) {
    throw invalidArgument('download.sha256', sha256, 'a SHA-256 of 64 hexadecimal digits')
  }
  if (size !== undefined && !(Number.isSafeInteger(size) && size >= 0)) {
    throw invalidArgument('download.size', size, 'an integer, the number of bytes')
  }
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout > 0)) {
    throw invalidArgument('download.timeout', timeout, 'a number of milliseconds above 0, or Infinity')
  }
}

/** Describes how a file differs from what is expected; `undefined` if it does not. */
function mismatch(
  bytes: Uint8Array,
  digest: string,
  { size, sha256 }: Pick<DownloadOptions, 'size' | 'sha256'>,
): string | undefined {
  if (size !== undefined && bytes.length !== size) return wrongSize(bytes.length, size)
  const wanted = sha256?.toLowerCase()
  return wanted === undefined || digest === wanted
    ? undefined
    : `its SHA-256 is ${digest} instead of ${wanted}`
}

function wrongSize(size: number, wanted: number): string {
  return `it has ${size} bytes instead of ${wanted}`
}

/** Errors that mean that the server does not have the file. */
const notFound = new WeakSet<object>()

/** Whether a download failed because the server has no such file. */
export function isNotFound(error: unknown): boolean {
  return typeof error === 'object' && error !== null && notFound.has(error)
}

/** What the server tells about the file. */
interface FileFacts {
  etag: string | undefined
  /** As the Hugging Face hub reports it for large files. */
  sha256: string | undefined
  size: number | undefined
}

/**
 * Downloads into `part`. A failure that may be temporary is followed by another attempt, which resumes the download if
 * possible.
 *
 * @param stored the cached file, whose version the server is asked to confirm
 * @returns `'unchanged'` if the server confirms it
 */
async function fetchWithRetries(
  url: string,
  part: PartialDownload,
  stored: Stored | undefined,
  options: DownloadOptions,
): Promise<FileFacts | 'unchanged'> {
  const { signal, onProgress, timeout } = options
  let confirmable = stored
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await openHttp(url, { headers: requestHeaders(part, confirmable), signal, timeout })
      const linked = linkedFileFacts(answer)
      if (answer.response.status === 304 && confirmable) {
        await answer.cancel()
        if (mismatch(confirmable.bytes, confirmable.sha256, linked) === undefined) return 'unchanged'
        // The hub announces another file than the one that its storage backend just confirmed as unchanged.
        confirmable = undefined
        if (attempt >= MAX_ATTEMPTS)
          throw new Error('the server confirmed another version of the file than the one it announces')
        continue
      }
      if (!(await isUsable(answer, part))) {
        await part.discard()
        if (attempt >= MAX_ATTEMPTS) throw new Error('the server does not resume the interrupted download')
        continue
      }
      await receive(answer, part, options.size ?? linked.size, onProgress)
      return { etag: answer.response.headers.get('etag') ?? undefined, ...linked }
    } catch (error) {
      // Without a version, a resumed download might continue with bytes of another file.
      if (!part.canResume) await part.discard()
      const isSilent = error instanceof UnresponsiveServer && part.length === 0
      if (signal?.aborted || error instanceof Refusal || isSilent || attempt >= MAX_ATTEMPTS) throw error
      await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS * attempt))
    }
  }
}

/** Asks for the rest of a partial file, or for the whole file unless the server has the version that is stored. */
function requestHeaders(part: PartialDownload, stored: Stored | undefined): Record<string, string> {
  const headers: Record<string, string> = { 'accept-encoding': 'identity' }
  if (part.length > 0) headers.range = `bytes=${part.length}-`
  else if (stored?.etag) headers['if-none-match'] = stored.etag
  return headers
}

/**
 * Whether a response contains the rest of a partial file, or the whole file; `false` if the server cannot resume this part.
 * A response that is not used is cancelled.
 *
 * @throws {Refusal} if another attempt would get the same response
 * @throws {Error} if another attempt may succeed
 */
async function isUsable(answer: HttpAnswer, part: PartialDownload): Promise<boolean> {
  const { response } = answer
  const { status } = response
  if (part.length > 0 && (status === 416 || status === 206)) {
    const isRest =
      status === 206 &&
      rangeOf(response)?.start === part.length &&
      part.hasVersion(resumableVersionOf(response))
    if (!isRest) await answer.cancel()
    return isRest
  }
  if (response.ok && status !== 206) return true
  await answer.cancel()
  if (status === 206) throw new Refusal('the server sent a range that was not requested')
  const refusal = Refusal.of(response)
  throw status < 500 && status !== 429 ? refusal : new Error(refusal.message)
}

/**
 * Appends the body of a response to `part`, from its start unless the response is the rest of it.
 *
 * @param size expected size of the whole file in bytes, if known
 */
async function receive(
  answer: HttpAnswer,
  part: PartialDownload,
  size: number | undefined,
  onProgress: DownloadOptions['onProgress'],
): Promise<void> {
  const { response } = answer
  const total = totalOf(response)
  if (size !== undefined && total !== undefined && total !== size) {
    await answer.cancel()
    throw new Refusal(wrongSize(total, size))
  }
  if (response.status !== 206) await part.restart(resumableVersionOf(response), total)
  onProgress?.({ done: part.length, total: total ?? 0 })
  const limit = size ?? total ?? maxBytesOf(response)
  for await (const chunk of answer.chunks()) {
    if (part.length + chunk.length > limit) {
      throw size === undefined
        ? tooManyBytes(response)
        : new Refusal(`it has more than the expected ${size} bytes`)
    }
    await part.append(chunk)
    onProgress?.({ done: part.length, total: total ?? 0 })
  }
  if (total !== undefined && part.length !== total) {
    throw new Error(`the connection broke at ${part.length} of ${total} bytes`)
  }
}

/** Verifies the complete file, then caches it. */
async function finish(
  url: string,
  name: string,
  part: PartialDownload,
  facts: FileFacts,
  options: DownloadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await part.bytes()
  if (bytes.length !== part.length) {
    throw unreadable(
      name,
      url,
      `only ${bytes.length} of its ${part.length} bytes could be stored; is the disk full?`,
    )
  }
  const digest = await sha256(bytes)
  const wrong = mismatch(bytes, digest, {
    size: options.size ?? facts.size,
    sha256: options.sha256 ?? facts.sha256,
  })
  if (wrong !== undefined) throw unreadable(name, url, wrong)
  options.check?.(bytes)
  // If it cannot be cached, for example because the disk is full, it is downloaded again next time.
  await part.commit({ url, etag: facts.etag, sha256: digest }).catch(() => part.discard())
  return bytes
}

/** The size and SHA-256 that the Hugging Face hub sends with the redirect to the storage of a file. */
function linkedFileFacts({ hopHeaders }: HttpAnswer): Pick<FileFacts, 'sha256' | 'size'> {
  const linked: Pick<FileFacts, 'sha256' | 'size'> = { sha256: undefined, size: undefined }
  for (const headers of hopHeaders) {
    const etag = /^"?([0-9a-f]{64})"?$/i.exec(headers.get('x-linked-etag') ?? '')?.[1]
    if (etag === undefined) continue
    linked.sha256 = etag
    const size = headers.get('x-linked-size')
    if (size !== null && /^\d{1,15}$/.test(size)) linked.size = Number(size)
  }
  return linked
}

/**
 * The version of the exact bytes, with which a download can be resumed; `undefined` if there is none. A weak ETag
 * identifies equivalent content rather than identical bytes, and offsets in a compressed response are not offsets in
 * the file.
 */
function resumableVersionOf(response: Response): string | undefined {
  if (isPacked(response)) return undefined
  const etag = response.headers.get('etag')
  if (etag !== null) return etag.startsWith('W/') ? undefined : etag
  return response.headers.get('last-modified') ?? undefined
}

/** The size of the whole file, if known. With a content encoding, the headers give the compressed size instead. */
function totalOf(response: Response): number | undefined {
  if (isPacked(response)) return undefined
  if (response.status === 206) return rangeOf(response)?.total
  const length = response.headers.get('content-length')
  return length === null ? undefined : Number(length)
}

/** The first byte of a response to a range request, and the size of the whole file if the server tells it. */
function rangeOf(response: Response): { start: number; total: number | undefined } | undefined {
  const contentRange = response.headers.get('content-range') ?? ''
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(contentRange) ?? []
  if (start === undefined) return undefined
  return { start: Number(start), total: total === '*' ? undefined : Number(total) }
}

function whyNot(cause: unknown, part: PartialDownload): string {
  const error = cause instanceof Error ? cause : new Error(String(cause))
  const behind = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  const kept = part.length > 0 && part.canResume && !(part instanceof MemoryDownload)
  const next = kept ? `; ${part.length} bytes are kept, and the next call resumes from there` : ''
  return `${error.message}${behind}${next}`
}

function unreadable(name: string, url: string, why: string, cause?: unknown): SoftmarginError {
  const shown = withoutSecrets(url)
  const error = new SoftmarginError(
    'FILE_UNREADABLE',
    `${name} must be a file that can be read, but ${show(shown)} is not: ${quotedWithoutSecrets(why, url)}`,
    {
      argument: name,
      received: shown,
      expected: 'a URL that can be read',
      cause: causeWithoutSecrets(cause, url),
    },
  )
  if (cause instanceof Refusal && cause.status === 404) notFound.add(error)
  return error
}
