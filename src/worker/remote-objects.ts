import { invalidArgument } from '../core/errors.ts'
import type { Connection, Objects } from './connection.ts'
import type { RemoteClassName, Request } from './protocol.ts'

interface Known {
  id: string
  className: RemoteClassName
}

/** Maps each proxy on this side to the connection that it belongs to. */
const owners = new WeakMap<object, RemoteObjects>()

/** Creates and tracks the proxies that stand for objects and classes in the worker. */
export class RemoteObjects implements Objects {
  readonly #connection: Connection
  readonly #known = new WeakMap<object, Known>()
  readonly #objects = new Map<string, WeakRef<object>>()
  readonly #collected: FinalizationRegistry<string>
  /** The objects of pending requests, referenced so that they are not garbage-collected. */
  readonly #asked = new Set<{ object: object | undefined }>()
  #next = 0

  constructor(connection: Connection) {
    this.#connection = connection
    this.#collected = new FinalizationRegistry((id) => {
      // The worker may have returned the same object again in the meantime.
      if (this.#objects.get(id)?.deref()) return
      this.#objects.delete(id)
      connection.forget(id)
    })
  }

  /** Returns the proxy of a class: `new` and the static methods run in the worker. */
  classFor(className: RemoteClassName): object {
    const target = function remoteClass() {}
    return new Proxy(target, {
      construct: (_, args) => this.#construct(className, args),
      get: (_, key) => {
        if (key === 'name') return className
        if (key === Symbol.hasInstance)
          return (object: object) => this.#known.get(object)?.className === className
        return typeof key === 'string' ? this.#member(className, key) : undefined
      },
    })
  }

  objectFor(id: string, className: RemoteClassName): object {
    const object = this.#objects.get(id)?.deref()
    return object ?? this.#make({ id, className })
  }

  idOf(object: object): Known | undefined {
    const owner = owners.get(object)
    if (owner && owner !== this) {
      throw invalidArgument('an argument', 'an object of another spawn()', 'made by the same spawn()')
    }
    return owner && this.#known.get(object)
  }

  #construct(className: RemoteClassName, args: unknown[]): object {
    const id = `page-${this.#next++}`
    const made = this.#connection.request({ type: 'construct', className, id, args: [] }, args)
    // If the constructor is not awaited, its error is thrown by the first call instead.
    made.catch(() => {})
    return this.#make({ id, className }, made)
  }

  /** @param made resolves when the constructor has run; `await new remote.SVC()` throws the constructor's error */
  #make(known: Known, made?: Promise<unknown>): object {
    let pending = made
    made?.then(
      () => {
        pending = undefined
      },
      () => {},
    )
    const { id, className } = known
    const object: object = new Proxy(
      {},
      {
        get: (_, key) => {
          if (key === 'then')
            return pending && ((...hear: [never, never]) => pending?.then(() => object).then(...hear))
          if (key === 'constructor' || key === 'toJSON') return undefined
          if (key === Symbol.toStringTag) return className
          if (key === Symbol.dispose || key === Symbol.asyncDispose)
            return this.#member(id, 'dispose', object)
          return typeof key === 'string' ? this.#member(id, key, object) : undefined
        },
      },
    )
    this.#known.set(object, known)
    owners.set(object, this)
    this.#objects.set(id, new WeakRef(object))
    this.#collected.register(object, id)
    return object
  }

  /**
   * Returns a member that acts as a method when it is called and as a property when it is awaited.
   *
   * @param object the proxy that has the member. It is kept alive until the reply: if it were garbage-collected, the
   *   worker would release its object, possibly before the call begins, while its arguments are still being copied
   */
  #member(target: string, member: string, object?: object): object {
    const connection = this.#connection
    const request = (asked: Request, args?: unknown[]) => {
      const held = { object }
      this.#asked.add(held)
      return connection.request(asked, args).finally(() => this.#asked.delete(held))
    }
    const call = (...args: unknown[]) => request({ type: 'call', target, member, args: [] }, args)
    let got: Promise<unknown> | undefined
    const get = () => (got ??= request({ type: 'get', target, member }))
    return Object.assign(call, {
      // biome-ignore lint/suspicious/noThenProperty: properties of remote objects are waited for
      then: (...hear: [never, never]) => get().then(...hear),
      catch: (hear: never) => get().catch(hear),
      finally: (hear: never) => get().finally(hear),
    })
  }
}
