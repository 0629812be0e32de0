import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

/** A file and how the server sends it. */
export interface ServedFile {
  bytes: Uint8Array
  /** Its version; `false` for none. */
  etag?: string | false
  type?: string
  /** The connection is closed after this many bytes, once for each entry; later responses are complete. */
  breaks?: number[]
  /** Whether the header `Range` is honoured. Default true. */
  ranges?: boolean
  /** Whether the response has a Content-Length. Default true. */
  length?: boolean
  headers?: Record<string, string>
  /**
   * After this many bytes nothing more is sent, but the connection stays open; below 0, not even the status is sent.
   */
  silentAfter?: number
}

/** Options of the server. */
export interface ServerOptions {
  /** Whether to use TLS, with a self-signed certificate. */
  tls?: boolean
}

const fixture = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url))

/** An HTTP server on this host that can misbehave. */
export class FileServer {
  readonly files = new Map<string, ServedFile>()
  /** Paths that respond with a status code, or redirect to another path. */
  readonly answers = new Map<string, number | string>()
  /** The path of every request, and its range, if any. */
  readonly requests: string[] = []
  /** The header `authorization` of the last request. */
  authorization: string | undefined
  readonly #server: Server
  readonly #protocol: string

  private constructor({ tls = false }: ServerOptions) {
    const answer = (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response)
    this.#protocol = tls ? 'https' : 'http'
    this.#server = tls
      ? createTlsServer({ key: fixture('key'), cert: fixture('certificate') }, answer)
      : createServer(answer)
  }

  static async start(options: ServerOptions = {}): Promise<FileServer> {
    const server = new FileServer(options)
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get origin(): string {
    return `${this.#protocol}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  stop(): Promise<unknown> {
    this.#server.closeAllConnections()
    return new Promise((resolve) => this.#server.close(resolve))
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(request.url!)
    this.authorization = request.headers.authorization
    const { range } = request.headers
    this.requests.push([path, range].filter(Boolean).join(' '))
    const answer = this.answers.get(path)
    if (typeof answer === 'number') return void response.writeHead(answer).end('no')
    const file = this.files.get(answer ?? path)
    if (answer !== undefined)
      return void response.writeHead(302, { ...file?.headers, location: answer }).end()
    if (!file) return void response.writeHead(404).end('nothing here')
    const { bytes, etag = sha256(bytes).slice(0, 8), type = 'application/octet-stream', silentAfter } = file
    const headers: Record<string, string> = { 'content-type': type, ...file.headers }
    if (etag !== false) headers.etag = `"${etag}"`
    if (silentAfter !== undefined && silentAfter < 0) return
    if (request.headers['if-none-match'] === `"${etag}"`) return void response.writeHead(304, headers).end()
    const from = range !== undefined && file.ranges !== false ? Number(/^bytes=(\d+)-$/.exec(range)![1]) : 0
    const body = bytes.subarray(from)
    if (file.length !== false) headers['content-length'] = String(body.length)
    if (from > 0) headers['content-range'] = `bytes ${from}-${bytes.length - 1}/${bytes.length}`
    response.writeHead(from > 0 ? 206 : 200, headers)
    if (silentAfter !== undefined) return void response.write(body.subarray(0, silentAfter))
    const broken = file.breaks?.shift()
    if (broken === undefined) return void response.end(body)
    response.write(body.subarray(0, broken), () => setTimeout(() => response.destroy(), 30))
  }
}

/** SHA-256 in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
