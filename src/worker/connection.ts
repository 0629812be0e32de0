import * as Comlink from 'comlink'
import { invalidArgument, SoftmarginError, show, throwIfAborted } from '../core/errors.ts'
import { Copies } from './copy.ts'
import { decode, type Encoding, encode, isPlain, type Mark } from './encode.ts'
import { deserializeError, serializeError } from './error-facts.ts'
import {
  type Answer,
  type ClientSide,
  type RemoteClassName,
  type Request,
  remoteClasses,
  type ServerSide,
} from './protocol.ts'

/** What the objects on this side need of the one that made them. */
export interface Objects {
  /** The object on this side for one in the worker. */
  objectFor(id: string, className: RemoteClassName): object
  /** The id of an object of this connection, `undefined` for anything else. @throws for one of another connection */
  idOf(object: object): { id: string; className: RemoteClassName } | undefined
}

/** A call that was made and not answered. */
interface Call {
  functions: number[]
  /** What makes an object may hand it functions for later, such as a splitter's. */
  keepsFunctions: boolean
  /** Numbers of the signals that end it in the worker. */
  signals: number[]
  /** Ends what listens to the user's signals. */
  stop: (() => void)[]
  signal: AbortSignal | undefined
  reject(error: unknown): void
}

/** This side of a connection: makes requests, and hears callbacks. */
export class Connection implements ClientSide {
  readonly #setBusy: (busy: boolean) => void
  readonly #moves: boolean
  readonly #calls = new Set<Call>()
  readonly #functions = new Map<
    number,
    { function: (...args: unknown[]) => unknown; call: Call; answers: boolean }
  >()
  #objects: Objects | undefined
  /** Arguments that are being copied: later requests wait, so that all begin in their order. */
  #copying: Promise<void> | undefined
  #server: ServerSide | undefined
  #ended: SoftmarginError | undefined
  #next = 0

  /** @param moves whether arguments leave this thread, so that buffers may be handed over */
  constructor(moves: boolean, setBusy: (busy: boolean) => void = () => {}) {
    this.#moves = moves
    this.#setBusy = setBusy
  }

  /** Begins, once the other side is known. */
  start(server: ServerSide, objects: Objects): void {
    this.#server = server
    this.#objects = objects
  }

  /** Ends it: calls that run are rejected with `WORKER_LOST`, later ones with `error`. */
  end(error: SoftmarginError): void {
    this.#ended ??= error
    const { message, cause } = error
    const lost = new SoftmarginError('WORKER_LOST', message, { cause })
    for (const call of this.#calls) call.reject(lost)
  }

  /** @param args as the user gave them */
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

  /** Tells the worker that an object is not needed any more. */
  forget(id: string): void {
    if (!this.#ended) this.#server?.forget(id).catch(() => {})
  }

  async callBack(id: number, args: unknown[]): Promise<Answer> {
    const known = this.#functions.get(id)
    // A call that was rejected meanwhile has nobody to tell.
    if (!known) return { value: undefined }
    const { call } = known
    try {
      const value = await known.function(...args.map((arg) => this.#decode(arg)))
      return { value: known.answers ? this.#encode(value, call, { trim: this.#moves }) : undefined }
    } catch (error) {
      // As in the same thread: what a callback throws ends the call.
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

  /** Copies piece by piece, after the requests before. */
  async #copyInTurn(copies: Copies | undefined, call: Call): Promise<void> {
    const copying = (this.#copying ?? Promise.resolve()).then(() => copies?.copyInPieces())
    // One that fails is no hindrance to those behind it.
    const over = copying.catch(() => {})
    this.#copying = over
    await copying.finally(() => {
      if (this.#copying === over) this.#copying = undefined
    })
    // Nobody in the worker would hear of these.
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
      return undefined
    }
    return encode(value, { mark, ...how })
  }

  #decode(value: unknown): unknown {
    return decode(value, (mark) => {
      if (mark.$softmargin === 'object') return this.#objects!.objectFor(mark.id, mark.className)
      throw new SoftmarginError('INTERNAL', `an answer of kind '${mark.$softmargin}' came, which is unknown`)
    })
  }

  #markFunction(f: (...args: unknown[]) => unknown, call: Call, key: string | undefined): Mark {
    if (key === 'scoring') {
      throw invalidArgument('scoring', f, 'the name of a score: a function cannot be called from a worker')
    }
    const id = this.#next++
    // What onProgress and the like return is nobody's business, and need not be fit to be sent.
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

/** The arguments without `transfer`, which is meant for this side. */
function takeTransfer(given: unknown[]): { args: unknown[]; move: boolean } {
  const last = given.at(-1)
  if (typeof last !== 'object' || last === null || !isPlain(last) || !('transfer' in last)) {
    return { args: given, move: false }
  }
  const { transfer, ...rest } = last
  if (typeof transfer !== 'boolean') throw invalidArgument('transfer', transfer, 'true or false')
  return { args: [...given.slice(0, -1), rest], move: transfer }
}

/** A call that calls back can be ended from here, though the user gave no signal. */
function addSignal(encoded: unknown[], id: number): void {
  const last = encoded.at(-1)
  if (typeof last !== 'object' || last === null || !isPlain(last)) return
  Object.assign(last, { signal: { $softmargin: 'signal', id, aborted: false } satisfies Mark })
}
