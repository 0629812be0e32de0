// The client's side of a connection to a worker: sends requests and runs callbacks.

import * as Comlink from 'comlink'
import { invalidArgument, SoftmarginError, show, throwIfAborted } from '../core/errors.ts'
import { deserializeError, serializeError } from '../host/serialize-error.ts'
import { Copies } from './copy.ts'
import { decode, type Encoding, encode, isPlain, type Mark } from './encode.ts'
import {
  type ClientSide,
  type RemoteClassName,
  type Reply,
  type Request,
  remoteClasses,
  type ServerSide,
} from './protocol.ts'

/** The methods that a connection needs from the registry of remote objects. */
export interface Objects {
  /** Returns the local proxy for an object in the worker. */
  objectFor(id: string, className: RemoteClassName): object
  /**
   * The id of a proxy of this connection, `undefined` for anything else. @throws for a proxy of another connection
   */
  idOf(object: object): { id: string; className: RemoteClassName } | undefined
}

/** A pending call. */
interface Call {
  functions: number[]
  /**
   * Whether callbacks must outlive the call: a constructor may receive functions for later use, such as a splitter's.
   */
  keepsFunctions: boolean
  /** The ids of the signals that abort it in the worker. */
  signals: number[]
  /** Remove the listeners from the user's signals. */
  stop: (() => void)[]
  signal: AbortSignal | undefined
  reject(error: unknown): void
}

/** The client's side of a connection: sends requests to the worker and handles callbacks from it. */
export class Connection implements ClientSide {
  readonly #setBusy: (busy: boolean) => void
  readonly #moves: boolean
  readonly #calls = new Set<Call>()
  readonly #functions = new Map<
    number,
    { function: (...args: unknown[]) => unknown; call: Call; answers: boolean }
  >()
  #objects: Objects | undefined
  /** The arguments being copied. Later requests wait for it, so that all arrive in order. */
  #copying: Promise<void> | undefined
  #server: ServerSide | undefined
  #ended: SoftmarginError | undefined
  #next = 0

  /** @param moves whether arguments leave this thread, so that buffers can be transferred */
  constructor(moves: boolean, setBusy: (busy: boolean) => void = () => {}) {
    this.#moves = moves
    this.#setBusy = setBusy
  }

  /** Starts the connection once the other side is known. */
  start(server: ServerSide, objects: Objects): void {
    this.#server = server
    this.#objects = objects
  }

  /** Ends the connection: pending calls are rejected with `WORKER_LOST`, later ones with `error`. */
  end(error: SoftmarginError): void {
    this.#ended ??= error
    const { message, cause } = error
    const lost = new SoftmarginError('WORKER_LOST', message, { cause })
    for (const call of this.#calls) call.reject(lost)
  }

  /** Sends a request. @param args as the user passed them */
  request(request: Request, args: unknown[] = []): Promise<unknown> {
    if (this.#ended) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => {
      const keepsFunctions = makesObject(request)
      const call: Call = { functions: [], keepsFunctions, signals: [], stop: [], signal: undefined, reject }
      const settle = () => this.#settle(call)
      call.reject = (error) => {
        settle()
        reject(error)
      }
      this.#calls.add(call)
      this.#setBusy(true)
      this.#send(request, args, call).then(
        (value) => {
          settle()
          resolve(value)
        },
        (error) => call.reject(error),
      )
    })
  }

  /** Tells the worker that an object is no longer needed. */
  forget(id: string): void {
    if (!this.#ended) this.#server?.forget(id).catch(() => {})
  }

  async callBack(id: number, args: unknown[]): Promise<Reply> {
    const known = this.#functions.get(id)
    // The call has already been rejected, so its callbacks are no longer run.
    if (!known) return { value: undefined }
    const { call } = known
    try {
      const value = await known.function(...args.map((arg) => this.#decode(arg)))
      return { value: known.answers ? this.#encode(value, call, { trim: this.#moves }) : undefined }
    } catch (error) {
      // As without a worker, an exception in a callback ends the call.
      this.#abort(call)
      call.reject(error)
      return { error: serializeError(error) }
    }
  }

  async #send(request: Request, given: unknown[], call: Call): Promise<unknown> {
    const { args, move } = takeTransfer(given)
    const moved = new Set<ArrayBuffer>()
    const how = move && this.#moves ? { moved, trim: true } : { trim: false }
    const encoded = args.map((arg) => this.#encode(arg, call, how))
    if (call.functions.length > 0 && call.signals.length === 0) addSignal(encoded, this.#newSignal(call))
    const copies = this.#moves && !move ? new Copies(encoded) : undefined
    if (this.#copying || copies?.isShort === false) await this.#copyInTurn(copies, call)
    else copies?.copy()
    const whole = request.type === 'get' ? request : { ...request, args: encoded }
    const answer = await this.#server!.perform(
      Comlink.transfer(whole, [...(copies?.buffers ?? moved)]),
    ).catch((cause) => {
      if (cause?.name !== 'DataCloneError') throw cause
      throw invalidArgument('an argument', show(cause.message), 'something that can be sent to a worker')
    })
    if (!('error' in answer)) return this.#decode(answer.value)
    const error = deserializeError(answer.error)
    if (!(error instanceof SoftmarginError) || error.code !== 'ABORTED' || !call.signal) throw error
    const { message, stack, argument } = error
    const cause = call.signal.reason
    throw Object.assign(new SoftmarginError('ABORTED', message, { argument: argument ?? 'signal', cause }), {
      stack,
    })
  }

  /** Copies the arguments chunk by chunk, after those of earlier requests. */
  async #copyInTurn(copies: Copies | undefined, call: Call): Promise<void> {
    const copying = (this.#copying ?? Promise.resolve()).then(() => copies?.copyInPieces())
    // A failed copy must not block the requests after it.
    const over = copying.catch(() => {})
    this.#copying = over
    await copying.finally(() => {
      if (this.#copying === over) this.#copying = undefined
    })
    // Checked here because the worker does not know this call yet and could not be told of an abort.
    throwIfAborted(call.signal)
    if (this.#ended) throw this.#ended
  }

  #settle(call: Call): void {
    if (!this.#calls.delete(call)) return
    for (const stop of call.stop) stop()
    if (!call.keepsFunctions) for (const id of call.functions) this.#functions.delete(id)
    if (this.#calls.size === 0) this.#setBusy(false)
  }

  #encode(value: unknown, call: Call, how: Omit<Encoding, 'mark'>): unknown {
    const mark: Encoding['mark'] = (object, key) => {
      const known = this.#objects!.idOf(object)
      if (known) return { $softmargin: 'object', ...known }
      if (typeof object === 'function') return this.#markFunction(object as () => unknown, call, key)
      if (object instanceof AbortSignal) return this.#markSignal(object, call)
      if (key === 'runtime') {
        const expected = 'the name of a runtime, since a module cannot be sent to a worker'
        throw invalidArgument('runtime', object, expected)
      }
      return undefined
    }
    return encode(value, { mark, ...how })
  }

  #decode(value: unknown): unknown {
    return decode(value, (mark) => {
      if (mark.$softmargin === 'object') return this.#objects!.objectFor(mark.id, mark.className)
      throw new SoftmarginError('INTERNAL', `received an answer of the unknown kind '${mark.$softmargin}'`)
    })
  }

  #markFunction(f: (...args: unknown[]) => unknown, call: Call, key: string | undefined): Mark {
    if (key === 'scoring') {
      throw invalidArgument(
        'scoring',
        f,
        'the name of a score, since a function cannot be called from a worker',
      )
    }
    const id = this.#next++
    // The return values of `on*` callbacks are ignored, and may not be cloneable, so they are not sent.
    this.#functions.set(id, { function: f, call, answers: !/^on[A-Z]/.test(key ?? '') })
    call.functions.push(id)
    return { $softmargin: 'function', id }
  }

  #markSignal(signal: AbortSignal, call: Call): Mark {
    const id = this.#newSignal(call)
    const abort = () => this.#abort(call)
    signal.addEventListener('abort', abort, { once: true })
    call.stop.push(() => signal.removeEventListener('abort', abort))
    call.signal = signal
    return { $softmargin: 'signal', id, aborted: signal.aborted }
  }

  #newSignal(call: Call): number {
    const id = this.#next++
    call.signals.push(id)
    return id
  }

  #abort(call: Call): void {
    for (const id of call.signals) this.#server?.abort(id).catch(() => {})
  }
}

function makesObject(request: Request): boolean {
  return (
    request.type === 'construct' || remoteClasses.includes((request as { target?: never }).target as never)
  )
}

/** Returns the arguments without the option `transfer`, which only this side uses. */
function takeTransfer(given: unknown[]): { args: unknown[]; move: boolean } {
  const last = given.at(-1)
  if (typeof last !== 'object' || last === null || !isPlain(last) || !('transfer' in last)) {
    return { args: given, move: false }
  }
  const { transfer, ...rest } = last
  if (typeof transfer !== 'boolean') throw invalidArgument('transfer', transfer, 'true or false')
  return { args: [...given.slice(0, -1), rest], move: transfer }
}

/** Adds a signal to a call with callbacks, so that this side can abort it even if the user passed no signal. */
function addSignal(encoded: unknown[], id: number): void {
  const last = encoded.at(-1)
  if (typeof last !== 'object' || last === null || !isPlain(last)) return
  Object.assign(last, { signal: { $softmargin: 'signal', id, aborted: false } satisfies Mark })
}
