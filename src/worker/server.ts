// The worker's side of a connection: owns the objects and runs the requests.

import * as Comlink from 'comlink'
import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import { deserializeError, serializeError } from '../host/serialize-error.ts'
import type * as Library from '../index.ts'
import { decode, type Encoding, encode, type Mark } from './encode.ts'
import {
  type ClientSide,
  type RemoteClassName,
  type Reply,
  type Request,
  remoteClasses,
  remoteFunctions,
  type ServerSide,
} from './protocol.ts'

/** The object or class on which a member is accessed. */
type Target = Record<string, unknown>

/** The state of one connection in the worker: its objects, and the signals of its calls. */
export class Server implements ServerSide {
  readonly #library: typeof Library
  readonly #client: ClientSide
  readonly #moves: boolean
  readonly #objects = new Map<string, object>()
  readonly #ids = new WeakMap<object, string>()
  /** Objects whose constructor failed, with the error. */
  readonly #failed = new Map<string, unknown>()
  readonly #signals = new Map<number, AbortController>()
  #next = 0

  /** @param moves whether results leave this thread, so that buffers can be transferred */
  constructor(library: typeof Library, client: ClientSide, moves: boolean) {
    this.#library = library
    this.#client = client
    this.#moves = moves
  }

  async perform(request: Request): Promise<Reply> {
    const signals: number[] = []
    const moved = this.#moves ? new Set<ArrayBuffer>() : undefined
    try {
      // Nothing is awaited before this point, so requests begin in the order in which they were sent.
      const value = await this.#perform(request, signals, moved)
      return Comlink.transfer({ value }, [...(moved ?? [])])
    } catch (error) {
      return { error: serializeError(error) }
    } finally {
      for (const id of signals) this.#signals.delete(id)
    }
  }

  async abort(signal: number): Promise<void> {
    this.#signals.get(signal)?.abort()
  }

  async forget(id: string): Promise<void> {
    this.#objects.delete(id)
    this.#failed.delete(id)
  }

  /** Frees all objects when the client has disconnected. */
  dispose(): void {
    for (const object of this.#objects.values()) (object as { dispose?: () => void }).dispose?.()
    this.#objects.clear()
    this.#failed.clear()
    for (const controller of this.#signals.values()) controller.abort()
  }

  async #perform(request: Request, signals: number[], moved: Set<ArrayBuffer> | undefined): Promise<unknown> {
    if (request.type === 'construct') {
      this.#construct(request, signals)
      return undefined
    }
    if (request.type === 'get') {
      const target = this.#target(request.target)
      // The value may be part of the object, which still needs it, so it is copied rather than transferred.
      return this.#encode(target[request.member], undefined)
    }
    const { target: name, member, args } = request
    const target = name === undefined ? this.#functions() : this.#target(name)
    const method = target[member]
    if (typeof method !== 'function') throw new TypeError(`${member} is not a function`)
    const answer: unknown = method.apply(
      target,
      args.map((arg) => this.#decode(arg, signals)),
    )
    // A synchronous result may be part of the object as well and is copied. An asynchronous one was computed for the
    // caller and can be transferred.
    const isOwn = name !== undefined && !(answer instanceof Promise)
    return this.#encode(await answer, isOwn ? undefined : moved)
  }

  #construct({ className, id, args }: Request & { type: 'construct' }, signals: number[]): void {
    try {
      if (!remoteClasses.includes(className)) throw invalidArgument('className', className, 'a known class')
      const Class = this.#library[className] as unknown as new (...args: unknown[]) => object
      this.#keep(new Class(...args.map((arg) => this.#decode(arg, signals))), id)
    } catch (error) {
      this.#failed.set(id, error)
      throw error
    }
  }

  #functions(): Target {
    return Object.fromEntries(remoteFunctions.map((name) => [name, this.#library[name]]))
  }

  #target(name: string): Target {
    if (this.#failed.has(name)) throw this.#failed.get(name)
    const object =
      this.#objects.get(name) ??
      (remoteClasses.includes(name as RemoteClassName) ? this.#library[name as RemoteClassName] : undefined)
    if (!object) throw new SoftmarginError('DISPOSED', `the worker has no object '${name}'`)
    return object as unknown as Target
  }

  #keep(object: object, id: string): void {
    this.#objects.set(id, object)
    this.#ids.set(object, id)
  }

  #encode(value: unknown, moved: Set<ArrayBuffer> | undefined): unknown {
    const mark: Encoding['mark'] = (object) => {
      const className = remoteClasses.find((name) => object instanceof this.#library[name])
      if (!className) return undefined
      let id = this.#ids.get(object)
      if (id === undefined || !this.#objects.has(id)) {
        id = `worker-${this.#next++}`
        this.#keep(object, id)
      }
      return { $softmargin: 'object', id, className }
    }
    return encode(value, { mark, moved, trim: this.#moves })
  }

  #decode(value: unknown, signals: number[]): unknown {
    return decode(value, (mark) => {
      if (mark.$softmargin === 'object') return this.#target(mark.id)
      if (mark.$softmargin === 'function') return this.#callBack(mark.id)
      if (mark.$softmargin === 'signal') {
        signals.push(mark.id)
        return this.#signal(mark)
      }
      throw new SoftmarginError('INTERNAL', `received an argument of the unknown kind '${mark.$softmargin}'`)
    })
  }

  #signal({ id, aborted }: Mark & { $softmargin: 'signal' }): AbortSignal {
    const controller = new AbortController()
    if (aborted) controller.abort()
    this.#signals.set(id, controller)
    return controller.signal
  }

  #callBack(id: number): (...args: unknown[]) => Promise<unknown> {
    return (...args) => {
      const encoded = args.map((arg) => this.#encode(arg, undefined))
      const answer = this.#client.callBack(id, encoded).then((answered) => {
        if ('error' in answered) throw deserializeError(answered.error)
        return this.#decode(answered.value, [])
      })
      // Most callers ignore the result; without this, an error would be an unhandled rejection.
      answer.catch(() => {})
      return answer
    }
  }
}
