import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ImageClassifier } from '../../classifier/image-classifier.ts'
import type { SoftmarginError } from '../../core/errors.ts'
import type { Label } from '../../core/labels.ts'
import { version } from '../../core/version.ts'
import { errorResponse, HttpError } from './http-error.ts'
import { openApi } from './openapi.ts'
import { readPictures, readTop } from './read-request.ts'
import type { ServerLimits } from './server-limits.ts'

/** What the addresses of requests are resolved against, which begin with their path. */
const base = 'http://server'

/** The result for one picture. */
type PictureResult =
  | { label: Label; classes?: { label: Label; probability: number }[] }
  | { error: { code: string; message: string } }

/** An HTTP server that predicts the classes of pictures with a classifier. */
export class PictureServer {
  readonly #classifier: ImageClassifier
  readonly #limits: ServerLimits
  readonly #onError: (error: unknown) => void
  readonly #server: Server
  readonly #description: string
  #busy = 0
  #isEnding = false

  /** @param onError called with errors that are not the client's fault */
  constructor(classifier: ImageClassifier, limits: ServerLimits, onError: (error: unknown) => void) {
    this.#classifier = classifier
    this.#limits = limits
    this.#onError = onError
    const { classes, hasProbabilities } = classifier
    this.#description = JSON.stringify(
      openApi({ ...limits, classes, hasProbabilities, version }),
      undefined,
      2,
    )
    this.#server = createServer({
      requestTimeout: limits.timeout,
      headersTimeout: limits.timeout,
      // How often Node checks for requests that exceed the time limit.
      connectionsCheckingInterval: Math.min(30_000, Math.ceil(limits.timeout / 4)),
    })
    this.#server.on('request', (request, response) => this.#answer(request, response))
  }

  /** Starts listening. @returns the URL of the server */
  async listen(port: number, host: string): Promise<string> {
    this.#server.listen(port, host)
    await once(this.#server, 'listening')
    const address = this.#server.address() as AddressInfo
    const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
    return `http://${name}:${address.port}`
  }

  /**
   * Shuts the server down: it accepts no more connections, and answers the open requests.
   *
   * @param grace milliseconds after which the remaining requests are aborted
   */
  async close(grace: number): Promise<void> {
    this.#isEnding = true
    const closed = once(this.#server, 'close')
    this.#server.close()
    // A connection also becomes idle later, when the rest of a request that was refused has arrived.
    const sweep = setInterval(() => this.#server.closeIdleConnections(), 100)
    const timer = setTimeout(() => this.#server.closeAllConnections(), grace)
    await closed
    clearInterval(sweep)
    clearTimeout(timer)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const ended = new AbortController()
    // The client has disconnected, so no response is needed.
    response.on('close', () => ended.abort())
    try {
      const { status, body } = await this.#handle(request, ended.signal)
      send(response, status, typeof body === 'string' ? body : JSON.stringify(body), this.#isEnding)
    } catch (error) {
      if (ended.signal.aborted) return
      const { status, headers, body } = errorResponse(error)
      if (status === 500) this.#onError(error)
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
      send(response, status, JSON.stringify(body), this.#isEnding)
    }
  }

  async #handle(
    request: IncomingMessage,
    ended: AbortSignal,
  ): Promise<{ status: number; body: object | string }> {
    const { method, url = '/' } = request
    if (!URL.canParse(url, base)) throw notFound()
    const { pathname, searchParams } = new URL(url, base)
    const allow = { '/health': 'GET, HEAD', '/openapi.json': 'GET, HEAD', '/classify': 'POST' }[pathname]
    if (allow === undefined) throw notFound()
    if (!allow.split(', ').includes(method ?? '')) {
      throw new HttpError(405, 'METHOD_NOT_ALLOWED', `${pathname} accepts ${allow}`, { allow })
    }
    if (pathname === '/openapi.json') return { status: 200, body: this.#description }
    if (pathname === '/health') {
      const status = this.#isEnding ? 'ending' : 'ok'
      return { status: this.#isEnding ? 503 : 200, body: { status, classes: this.#classifier.classes } }
    }
    if (this.#busy >= this.#limits.maxRequests) {
      const message = `${this.#limits.maxRequests} requests are being answered`
      throw new HttpError(503, 'OVERLOADED', message, { 'retry-after': '1' })
    }
    this.#busy++
    try {
      const top = readTop(searchParams)
      const images = await readPictures(request, this.#limits)
      const signal = AbortSignal.any([ended, AbortSignal.timeout(this.#limits.timeout)])
      return { status: 200, body: { results: await this.#classify(images, top, signal) } }
    } finally {
      this.#busy--
    }
  }

  /** @throws {SoftmarginError} `IMAGE_UNREADABLE` for a request of one picture, `ABORTED` */
  async #classify(
    images: Uint8Array[],
    top: number | undefined,
    signal: AbortSignal,
  ): Promise<PictureResult[]> {
    if (images.length === 1) return this.#labelled(images, top, { signal })
    const errors = new Map<number, PictureResult>()
    const onUnreadable = (index: number, { code, message }: SoftmarginError) =>
      void errors.set(index, { error: { code, message } })
    try {
      const found = await this.#labelled(images, top, { signal, onUnreadable })
      return found.map((result, i) => errors.get(i) ?? result)
    } catch (error) {
      // If none of the pictures can be read, the call fails.
      if (errors.size < images.length) throw error
      return [...images.keys()].map((i) => errors.get(i)!)
    }
  }

  /** The labels of pictures, with the most probable classes if the classifier knows probabilities. */
  async #labelled(
    images: Uint8Array[],
    top: number | undefined,
    call: Parameters<ImageClassifier['predict']>[1],
  ): Promise<PictureResult[]> {
    const classifier = this.#classifier
    if (!classifier.hasProbabilities) {
      const labels = await classifier.predict(images, call)
      return labels.map((label) => ({ label: label as Label }))
    }
    const { labels, probabilities } = await classifier.predictWithProba(images, call)
    return labels.map((label, i) => {
      const row = probabilities.row(i)
      const ranked = classifier.classes.map((name, c) => ({ label: name, probability: row[c] }))
      ranked.sort((a, b) => b.probability - a.probability)
      return { label: label as Label, classes: ranked.slice(0, top) }
    })
  }
}

function notFound(): HttpError {
  return new HttpError(404, 'NOT_FOUND', 'the server has POST /classify, GET /health and GET /openapi.json')
}

function send(response: ServerResponse, status: number, body: string, isLast: boolean): void {
  // A client that keeps its connection open would prevent the server from shutting down.
  if (isLast) response.setHeader('connection', 'close')
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}
