import type { LongCall } from '../../core/call-options.ts'
import { invalidArgument, SoftmarginError, show, throwIfAborted } from '../../core/errors.ts'
import {
  type HttpAnswer,
  isPacked,
  mostBytesOf,
  openHttp,
  Refusal,
  SilentServer,
  tooManyBytes,
} from '../storage/http.ts'
import { causeWithoutSecrets, quotedWithoutSecrets, withoutSecrets } from '../storage/url-secrets.ts'
import { MemoryPart, type Part, type Stored, sha256 } from './model-cache.ts'
import { modelCache } from './open-model-cache.ts'

/** How a file is downloaded. `onProgress` counts bytes; `total` is 0 where the server does not tell. */
export interface DownloadOptions extends LongCall {
  /** Where it is kept: a folder (in browsers the name of a cache), `true` for the usual one, `false` for nowhere. */
  cache?: boolean | string | undefined
  /** What the file's SHA-256 must be, in hexadecimal. */
  sha256?: string | undefined
  /** How many bytes it must have. */
  size?: number | undefined
  /** How long the server may be silent, in milliseconds. Default 30,000. */
  timeout?: number | undefined
  /** Called with the whole file before it is kept: what this throws is thrown, and nothing is kept. */
  check?: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined
}

/** How often a download that breaks off is begun again within a call. */
const attempts = 4

/**
 * Downloads a file, or takes it from the cache if the server says that it has not changed (or says nothing). A file
 * from the cache is one with the `size` and `sha256` that are asked for.
 *
 * What breaks off is resumed where it broke off, if the server can do that and still has the same version, and
 * begun again otherwise. A file enters the cache as a whole, after it was checked.
 *
 * @param url `http:` or `https:`
 * @param name how the caller calls the argument, for error messages
 * @throws {SoftmarginError} `FILE_UNREADABLE` if it cannot be had, or has another size or SHA-256 than it should, or is
 *   larger than a model can be; `INVALID_ARGUMENT` for options that cannot be; `ABORTED`; what `check` throws
 */
export async function download(
  url: string,
  name: string,
  options: DownloadOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { signal } = options
  checkOptions(options)
  if (!/^https?:/i.test(url) || !URL.canParse(url))
    throw unreadable(name, url, 'it is no http: or https: URL')
  throwIfAborted(signal)
  const cache = await modelCache(options.cache ?? true)
  const found = await cache?.read(url)
  // Another file than the one that is asked for is no help, whatever the server says of it.
  const stored = found && fault(found.bytes, found.sha256, options) === undefined ? found : undefined
  if (stored && options.sha256 !== undefined) return stored.bytes
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
      const details = { argument: 'signal', cause: causeWithoutSecrets(signal.reason, url) }
      throw new SoftmarginError('ABORTED', `downloading ${name} was aborted by its signal`, details)
    }
    if (cause instanceof SoftmarginError) {
      await part.drop()
      throw cause
    }
    // What is refused for what it is would be refused again.
    if (cause instanceof Refusal && cause.status === undefined) await part.drop()
    else await part.leave()
    // Better an old file than none.
    if (stored && !(cause instanceof Refusal)) return stored.bytes
    throw unreadable(name, url, whyNot(cause, part), cause)
  }
}

function checkOptions({ sha256, size, timeout }: DownloadOptions): void {
  if (sha256 !== undefined && !(typeof sha256 === 'string' && /^[0-9a-f]{64}$/i.test(sha256))) {
    throw invalidArgument('download.sha256', sha256, 'a SHA-256 of 64 hexadecimal digits')
  }
  if (size !== undefined && !(Number.isSafeInteger(size) && size >= 0)) {
    throw invalidArgument('download.size', size, 'a whole number of bytes')
  }
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout > 0)) {
    throw invalidArgument('download.timeout', timeout, 'a number of milliseconds above 0, or Infinity')
  }
}

/** What is wrong with a file, if anything is. */
function fault(
  bytes: Uint8Array,
  digest: string,
  { size, sha256 }: Pick<DownloadOptions, 'size' | 'sha256'>,
): string | undefined {
  if (size !== undefined && bytes.length !== size) return wrongSize(bytes.length, size)
  const wanted = sha256?.toLowerCase()
  return wanted === undefined || digest === wanted
    ? undefined
    : `its SHA-256 is ${digest}, but should be ${wanted}`
}

function wrongSize(size: number, wanted: number): string {
  return `it has ${size} bytes, but should have ${wanted}`
}

/** The errors of files that the server does not have. */
const notFound = new WeakSet<object>()

/** Whether a download failed because the server has no such file. */
export function isNotFound(error: unknown): boolean {
  return typeof error === 'object' && error !== null && notFound.has(error)
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
  kept: Stored | undefined,
  options: DownloadOptions,
): Promise<Loaded | 'unchanged'> {
  const { signal, onProgress, timeout } = options
  let stored = kept
  for (let attempt = 1; ; attempt++) {
    try {
      const headers: Record<string, string> = { 'accept-encoding': 'identity' }
      if (part.length > 0) headers.range = `bytes=${part.length}-`
      else if (stored?.etag) headers['if-none-match'] = stored.etag
      const answer = await openHttp(url, { headers, signal, timeout })
      const { response } = answer
      const linked = linkedFacts(answer)
      if (response.status === 304 && stored) {
        await answer.cancel()
        if (fault(stored.bytes, stored.sha256, linked) === undefined) return 'unchanged'
        // The hub tells of another file than the one whose version the storage behind it confirms.
        stored = undefined
        if (attempt >= attempts)
          throw new Error('the server confirms a version that is not the one it tells of')
        continue
      }
      const version = versionOf(response)
      const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '')
      if (part.length > 0 && (response.status === 416 || response.status === 206)) {
        const goesOn = response.status === 206 && Number(range?.[1]) === part.length && part.isOf(version)
        if (!goesOn) {
          await answer.cancel()
          await part.drop()
          if (attempt >= attempts) throw new Error('the server does not go on with what it began')
          continue
        }
      } else if (!response.ok || response.status === 206) {
        await answer.cancel()
        if (response.status === 206)
          throw new Refusal('the server answered a part of it that was not asked for')
        const refusal = Refusal.of(response)
        throw response.status < 500 && response.status !== 429 ? refusal : new Error(refusal.message)
      }
      const total = totalOf(response, range?.[2])
      const size = options.size ?? linked.size
      if (size !== undefined && total !== undefined && total !== size) {
        await answer.cancel()
        throw new Refusal(wrongSize(total, size))
      }
      if (response.status !== 206) await part.restart(version, total)
      onProgress?.({ done: part.length, total: total ?? 0 })
      const most = size ?? total ?? mostBytesOf(response)
      for await (const chunk of answer.pieces()) {
        if (part.length + chunk.length > most) {
          throw size === undefined
            ? tooManyBytes(response)
            : new Refusal(`it has more than the ${size} bytes it should have`)
        }
        await part.append(chunk)
        onProgress?.({ done: part.length, total: total ?? 0 })
      }
      if (total !== undefined && part.length !== total) {
        throw new Error(`it broke off at ${part.length} of ${total} bytes`)
      }
      return { etag: response.headers.get('etag') ?? undefined, ...linked }
    } catch (error) {
      // Without a version nobody can tell whether the rest would be of the same file.
      if (!part.canGoOn) await part.drop()
      const isSilent = error instanceof SilentServer && part.length === 0
      if (signal?.aborted || error instanceof Refusal || isSilent || attempt >= attempts) throw error
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
  if (bytes.length !== part.length) {
    throw unreadable(
      name,
      url,
      `${bytes.length} of its ${part.length} bytes could be kept: is the disk full?`,
    )
  }
  const digest = await sha256(bytes)
  const wrong = fault(bytes, digest, {
    size: options.size ?? loaded.size,
    sha256: options.sha256 ?? loaded.sha256,
  })
  if (wrong !== undefined) throw unreadable(name, url, wrong)
  options.check?.(bytes)
  // What cannot be kept, on a full disk say, is downloaded again next time.
  await part.keep({ url, etag: loaded.etag, sha256: digest }).catch(() => part.drop())
  return bytes
}

/** The Hugging Face hub tells a file's size and SHA-256 in the answer that redirects to where it lies. */
function linkedFacts({ passed }: HttpAnswer): Pick<Loaded, 'sha256' | 'size'> {
  const linked: Pick<Loaded, 'sha256' | 'size'> = { sha256: undefined, size: undefined }
  for (const headers of passed) {
    const etag = /^"?([0-9a-f]{64})"?$/i.exec(headers.get('x-linked-etag') ?? '')?.[1]
    if (etag === undefined) continue
    linked.sha256 = etag
    const size = headers.get('x-linked-size')
    if (size !== null && /^\d{1,15}$/.test(size)) linked.size = Number(size)
  }
  return linked
}

/**
 * What the server calls this version of the bytes, if a download can go on by it: a weak ETag is of the same meaning,
 * not of the same bytes, and where in a packed answer a byte lies cannot be told.
 */
function versionOf(response: Response): string | undefined {
  if (isPacked(response)) return undefined
  const etag = response.headers.get('etag')
  if (etag !== null) return etag.startsWith('W/') ? undefined : etag
  return response.headers.get('last-modified') ?? undefined
}

/** The size of the whole file, where it is told. With a content encoding, it is that of something else. */
function totalOf(response: Response, ofRange: string | undefined): number | undefined {
  if (isPacked(response)) return undefined
  if (response.status === 206) return ofRange === undefined || ofRange === '*' ? undefined : Number(ofRange)
  const length = response.headers.get('content-length')
  return length === null ? undefined : Number(length)
}

function whyNot(cause: unknown, part: Part): string {
  const error = cause instanceof Error ? cause : new Error(String(cause))
  const behind = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  const kept = part.length > 0 && part.canGoOn && !(part instanceof MemoryPart)
  const next = kept ? `; ${part.length} bytes are kept, and the next call goes on from there` : ''
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
