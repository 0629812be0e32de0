import { hasFileSystem } from '../platform/builtins.ts'
import { withoutSecrets } from './url-secrets.ts'

/** How long a server may say nothing, in milliseconds, where the caller does not tell. */
export const usualTimeout = 30_000

/** The longest time that timers know. */
const longestTimer = 2 ** 31 - 1
const mostRedirects = 10

/** The most bytes of any answer that is held in memory: an ONNX file of more cannot be read. */
const mostBytes = 2 ** 31
/** A packed answer may unpack to so many times its own length. Weights pack to half, sparse ones to a tenth. */
const mostUnpacked = 100
/** A packed answer may in any case become this large. */
const smallUnpacked = 2 ** 26
/** The most bytes of a packed answer whose own length is not told. */
const mostOfUnknownLength = 2 ** 28

/** A server's answer that must not be asked for again. */
export class Refusal extends Error {
  /** Of the answer, where it is the reason. */
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

/** A server that was silent for too long. */
export class SilentServer extends Error {
  constructor(timeout: number) {
    super(`the server was silent for ${timeout / 1000} s`)
  }
}

export interface HttpOptions {
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
  /** How long the server may be silent, before it answers and between two pieces: milliseconds. */
  timeout?: number | undefined
}

/** The answer of a server. Its body must be read to the end with `pieces`, or left with `cancel`. */
export interface HttpAnswer {
  response: Response
  /** The headers of each answer on the way: those that redirected, then that of `response`. */
  passed: Headers[]
  pieces(): AsyncGenerator<Uint8Array>
  cancel(): Promise<void>
}

/**
 * Fetches an `http:` or `https:` URL, or a path relative to the page.
 *
 * Redirects are followed by hand where the host shows them: Deno and Bun would read a file of this machine where a
 * server redirects to `file:`. A user and password in the URL are sent as a header, and only to the server that they
 * are meant for.
 *
 * @throws {Refusal} for a redirect that leads away from the web, or from `https:` to `http:`
 * @throws {SilentServer} and what `fetch` throws; the signal's reason
 */
export async function openHttp(url: string, options: HttpOptions = {}): Promise<HttpAnswer> {
  const { signal, timeout = usualTimeout } = options
  const silence = new Silence(timeout, signal)
  const passed: Headers[] = []
  try {
    let { href, authorization } = withoutCredentials(url)
    for (let hops = 0; ; hops++) {
      const headers = { ...options.headers, ...(authorization !== undefined && { authorization }) }
      const redirect = hasFileSystem() ? 'manual' : 'follow'
      const response = await silence.within(fetch(href, { headers, redirect, signal: silence.signal }))
      passed.push(response.headers)
      const location = response.headers.get('location')
      if (![301, 302, 303, 307, 308].includes(response.status) || location === null) {
        // Where the host follows redirects itself, it tells where they led.
        checkRedirect(href, response.url || href)
        return answerOf(response, passed, silence)
      }
      await response.body?.cancel().catch(() => {})
      if (hops === mostRedirects) throw new Error('it is redirected again and again')
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

function answerOf(response: Response, passed: Headers[], silence: Silence): HttpAnswer {
  // Not every browser's streams can be iterated over.
  const reader = response.body?.getReader()
  const cancel = async () => {
    await reader?.cancel().catch(() => {})
    silence.end()
  }
  async function* pieces() {
    try {
      while (reader) {
        const { done, value } = await silence.within(reader.read())
        if (done) return
        yield value
      }
    } finally {
      // Who stops early does not want the rest.
      await cancel()
    }
  }
  return { response, passed, pieces, cancel }
}

/** Where a redirect leads. */
function redirected(from: string, location: string): string {
  try {
    return new URL(location, from).href
  } catch {
    throw new Refusal('it is redirected to what is no URL')
  }
}

/** @throws {Refusal} for a redirect that is not followed */
function checkRedirect(from: string, to: string): void {
  const protocol = /^[a-z][a-z\d+.-]*:/i.exec(to)?.[0].toLowerCase()
  if (protocol === undefined) return
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new Refusal(`it is redirected to a ${protocol} URL, and only http: and https: are followed`)
  }
  if (protocol === 'http:' && /^https:/i.test(from)) {
    throw new Refusal(`it is redirected from https: to ${withoutSecrets(to)}, which is not encrypted`)
  }
}

/** A URL without its user and password, which `fetch` does not take, and the header that tells them. */
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

/** Ends what a server leaves waiting: the time counts only while something is awaited from it. */
class Silence {
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

  /** What `work` answers. It is not waited for any longer once the signal fires, whatever the host does. */
  async within<T>(work: Promise<T>): Promise<T> {
    const { signal } = this
    const give = () => this.#controller.abort(new SilentServer(this.#timeout))
    const timer = this.#timeout <= longestTimer ? setTimeout(give, this.#timeout) : undefined
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

/** Whether the body of an answer was packed on its way. */
export function isPacked(response: Response): boolean {
  const encoding = response.headers.get('content-encoding')
  return encoding !== null && encoding !== '' && encoding.toLowerCase() !== 'identity'
}

/**
 * The most bytes that are taken of an answer: what is held in memory must not grow without end, and a packed answer of
 * half a megabyte can unpack to a thousand times as much.
 */
export function mostBytesOf(response: Response): number {
  if (!isPacked(response)) return mostBytes
  const length = response.headers.get('content-length')
  return length === null
    ? mostOfUnknownLength
    : Math.min(mostBytes, Math.max(smallUnpacked, mostUnpacked * Number(length)))
}

/** The error for an answer that has more than `mostBytesOf` it. */
export function tooManyBytes(response: Response): Refusal {
  const packed = isPacked(response) ? `unpacks (${response.headers.get('content-encoding')}) to` : 'has'
  return new Refusal(`it ${packed} more than ${mostBytesOf(response)} bytes`)
}
