import type { Endpoint } from 'comlink'

/** Posts a message to the other side. */
export type Post = (message: unknown, transfer: Transferable[]) => void

/** A message of ours: all others on the port are none of our business. */
export interface Envelope {
  /** The connection, or nothing from a worker that begins to listen. */
  softmargin: string
  kind: 'hello' | 'ready' | 'data' | 'bye'
  data?: unknown
}

/** What a worker is told at first. */
export interface Hello {
  /** Threads of work for which none are asked for. */
  threads: number | undefined
}

/** What it answers. */
export interface Ready {
  /** Whether it holds the lock that `watchLife` waits for. */
  isHeld: boolean
}

/** The envelope in a message, if it is one of ours. */
export function readEnvelope(message: unknown): Envelope | undefined {
  if (message === null || typeof message !== 'object' || !('softmargin' in message)) return undefined
  const { softmargin, kind } = message as Envelope
  return typeof softmargin === 'string' && typeof kind === 'string' ? (message as Envelope) : undefined
}

/** One connection's end, as Comlink wants it. Both sides may ask and answer over it. */
export class ConnectionEnd implements Endpoint {
  readonly #connection: string
  readonly #post: Post
  readonly #listeners = new Set<EventListenerOrEventListenerObject>()

  constructor(connection: string, post: Post) {
    this.#connection = connection
    this.#post = post
  }

  /** Hands a message in that came for this connection. */
  receive(data: unknown): void {
    const event = { data } as MessageEvent
    for (const listener of this.#listeners) {
      if (typeof listener === 'function') listener(event)
      else listener.handleEvent(event)
    }
  }

  postMessage(data: unknown, transfer: Transferable[] = []): void {
    this.#post({ softmargin: this.#connection, kind: 'data', data } satisfies Envelope, transfer)
  }

  addEventListener(_type: string, listener: EventListenerOrEventListenerObject): void {
    this.#listeners.add(listener)
  }

  removeEventListener(_type: string, listener: EventListenerOrEventListenerObject): void {
    this.#listeners.delete(listener)
  }
}
