// The message envelope and the Comlink endpoint of a connection between `spawn` and a worker.

import type { Endpoint } from 'comlink'

/** Posts a message to the other side. */
export type Post = (message: unknown, transfer: Transferable[]) => void

/** A message of this protocol; all other messages on the port are ignored. */
export interface Envelope {
  /** The id of the connection; empty in the message of a worker that has just started to listen. */
  softmargin: string
  kind: 'hello' | 'ready' | 'data' | 'bye'
  data?: unknown
}

/** The first message to a worker. */
export interface Hello {
  /** Default number of threads. */
  threads: number | undefined
}

/** The worker's reply to `Hello`. */
export interface Ready {
  /** Whether the worker holds the lock that `watchWorkerLock` waits for. */
  isHeld: boolean
}

/** Returns the envelope in a message, or `undefined` if the message does not belong to this protocol. */
export function readEnvelope(message: unknown): Envelope | undefined {
  if (message === null || typeof message !== 'object' || !('softmargin' in message)) return undefined
  const { softmargin, kind } = message as Envelope
  return typeof softmargin === 'string' && typeof kind === 'string' ? (message as Envelope) : undefined
}

/** One end of a connection as a Comlink endpoint. Both sides can send requests and replies over it. */
export class ConnectionEnd implements Endpoint {
  readonly #connection: string
  readonly #post: Post
  readonly #listeners = new Set<EventListenerOrEventListenerObject>()

  constructor(connection: string, post: Post) {
    this.#connection = connection
    this.#post = post
  }

  /** Delivers a message that arrived for this connection. */
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
