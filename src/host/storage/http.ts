// HTTP requests with a timeout on silence, safe redirects and limits on the size of responses.

import { hasFileSystem } from '../platform/builtins.ts'
import { withoutSecrets } from './url-secrets.ts'

/** The default for how long a server may send nothing, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 30_000

/** The longest delay that timers support, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1
const MAX_REDIRECTS = 10

/** The largest response held in memory, in bytes; larger ONNX files cannot be read. */
const MAX_RESPONSE_BYTES = 2 ** 31
/** The largest ratio of decompressed to compressed size. Weights compress to about half, sparse ones to a tenth. */
const MAX_UNPACKED_RATIO = 100
/** A decompressed response of at most this many bytes is always accepted. */
const SMALL_UNPACKED_BYTES = 2 ** 26
/** The largest decompressed response whose compressed size is unknown, in bytes. */
const MAX_UNPACKED_BYTES = 2 ** 28

/** A response that is final: the request must not be repeated. */
export class Refusal extends Error {
  /** The status of the response, if it is the reason. */
  readonly status: number | undefined

  constructor(why: string, status?: number) {
    super(why)
    this.status = status
  }

  static of(response: Response): Refusal {
    return new Refusal(
      `the server answered ${response.status} ${response.statusText}`.trim(),
      response.status,
    )
  }
}

/** A server that sent nothing for too long. */
export class UnresponsiveServer extends Error {
  constructor(timeout: number) {
    super(`the server was silent for ${timeout / 1000} s`)
  }
}

export interface HttpOptions {
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
  /** How long the server may send nothing, before the response and between two chunks, in milliseconds. */
  timeout?: number | undefined
}

/** A response. Its body must be read to the end with `chunks`, or cancelled with `cancel`. */
export interface HttpAnswer {
  response: Response
  /** The headers of all responses: those of the redirects, then those of `response`. */
  hopHeaders: Headers[]
  chunks(): AsyncGenerator<Uint8Array>
  cancel(): Promise<void>
}

/**
 * Fetches an `http:` or `https:` URL, or a path relative to the page.
 *
 * Redirects are followed manually where the host exposes them: Deno and Bun would read a local file if a server
 * redirects to `file:`. A user name and password in the URL are sent as a header, and only to their own origin.
 *
 * @throws {Refusal} for a redirect to a scheme other than http(s), or from `https:` to `http:`
 * @throws {UnresponsiveServer} on timeout; what `fetch` throws; the signal's reason
 */
export async function openHttp(url: string, options: HttpOptions = {}): Promise<HttpAnswer> {
  const { signal, timeout = DEFAULT_TIMEOUT_MS } = options
  const silence = new SilenceTimer(timeout, signal)
  const hopHeaders: Headers[] = []
  try {
    let { href, authorization } = withoutCredentials(url)
    for (let hops = 0; ; hops++) {
      const headers = { ...options.headers, ...(authorization !== undefined && { authorization }) }
      const redirect = hasFileSystem() ? 'manual' : 'follow'
      const response = await silence.within(fetch(href, { headers, redirect, signal: silence.signal }))
      hopHeaders.push(response.headers)
      const location = response.headers.get('location')
      if (![301, 302, 303, 307, 308].includes(response.status) || location === null) {
        // If the host follows redirects itself, check where they led.
        checkRedirect(href, response.url || href)
        return answerOf(response, hopHeaders, silence)
      }
      await response.body?.cancel().catch(() => {})
      if (hops === MAX_REDIRECTS) throw new Error('there are too many redirects')
      const next = withoutCredentials(redirected(href, location))
      checkRedirect(href, next.href)
      const staysThere = new URL(next.href).origin === new URL(href).origin
      authorization = next.authorization ?? (staysThere ? authorization : undefined)
      href = next.href
    }
  } catch (error) {
    silence.end()
    throw error
  }
}

function answerOf(response: Response, hopHeaders: Headers[], silence: SilenceTimer): HttpAnswer {
  // Not every browser supports `for await` on streams.
  const reader = response.body?.getReader()
  const cancel = async () => {
    await reader?.cancel().catch(() => {})
    silence.end()
  }
  async function* chunks() {
    try {
      while (reader) {
        const { done, value } = await silence.within(reader.read())
        if (done) return
        yield value
      }
    } finally {
      // Also when the consumer stops early.
      await cancel()
    }
  }
  return { response, hopHeaders, chunks, cancel }
}

/** Resolves the target of a redirect. */
function redirected(from: string, location: string): string {
  try {
    return new URL(location, from).href
  } catch {
    throw new Refusal('it redirects to an invalid URL')
  }
}

/** @throws {Refusal} for a redirect that must not be followed */
function checkRedirect(from: string, to: string): void {
  const protocol = /^[a-z][a-z\d+.-]*:/i.exec(to)?.[0].toLowerCase()
  if (protocol === undefined) return
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new Refusal(`it redirects to a ${protocol} URL (only http: and https: are followed)`)
  }
  if (protocol === 'http:' && /^https:/i.test(from)) {
    throw new Refusal(`it redirects from https: to ${withoutSecrets(to)}, which is not encrypted`)
  }
}

/** Splits a URL into one without user name and password, which `fetch` rejects, and the header that carries them. */
function withoutCredentials(url: string): { href: string; authorization: string | undefined } {
  if (!/^https?:/i.test(url)) return { href: url, authorization: undefined }
  const parsed = new URL(url)
  const { username, password } = parsed
  if (username === '' && password === '') return { href: parsed.href, authorization: undefined }
  parsed.username = ''
  parsed.password = ''
  const bytes = new TextEncoder().encode(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
  return { href: parsed.href, authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` }
}

/** Aborts a request if the server is silent for too long. Time counts only while data is awaited from the server. */
class SilenceTimer {
  readonly #controller = new AbortController()
  readonly #timeout: number
  readonly #outer: AbortSignal | undefined
  readonly #stop = () => this.#controller.abort(this.#outer!.reason)

  constructor(timeout: number, outer: AbortSignal | undefined) {
    this.#timeout = timeout
    this.#outer = outer
    if (outer?.aborted) this.#stop()
    else outer?.addEventListener('abort', this.#stop, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Resolves with the result of `work`. Rejects as soon as the signal fires, even if the host ignores the signal. */
  async within<T>(work: Promise<T>): Promise<T> {
    const { signal } = this
    const giveUp = () => this.#controller.abort(new UnresponsiveServer(this.#timeout))
    const timer = this.#timeout <= MAX_TIMER_MS ? setTimeout(giveUp, this.#timeout) : undefined
    let stopped: () => void
    const aborted = new Promise<never>((_, reject) => {
      stopped = () => reject(signal.reason)
      if (signal.aborted) stopped()
      else signal.addEventListener('abort', stopped, { once: true })
    })
    try {
      return await Promise.race([work, aborted])
    } catch (error) {
      work.catch(() => {})
      throw signal.aborted ? signal.reason : error
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', stopped!)
    }
  }

  end(): void {
    this.#outer?.removeEventListener('abort', this.#stop)
  }
}

/** Whether the body of a response is compressed (has a content encoding). */
export function isPacked(response: Response): boolean {
  const encoding = response.headers.get('content-encoding')
  return encoding !== null && encoding !== '' && encoding.toLowerCase() !== 'identity'
}

/**
 * The maximum number of bytes accepted from a response. Memory use must be bounded, and half a megabyte of compressed data can
 * expand a thousandfold.
 */
export function maxBytesOf(response: Response): number {
  if (!isPacked(response)) return MAX_RESPONSE_BYTES
  const length = response.headers.get('content-length')
  return length === null
    ? MAX_UNPACKED_BYTES
    : Math.min(MAX_RESPONSE_BYTES, Math.max(SMALL_UNPACKED_BYTES, MAX_UNPACKED_RATIO * Number(length)))
}

/** The error for a response larger than `maxBytesOf` allows. */
export function tooManyBytes(response: Response): Refusal {
  const packed = isPacked(response) ? `unpacks (${response.headers.get('content-encoding')}) to` : 'has'
  return new Refusal(`it ${packed} more than ${maxBytesOf(response)} bytes`)
}
