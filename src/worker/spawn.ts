// softmargin/worker: the same classes, their work done in a worker.

import * as Comlink from 'comlink'
import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import { type AnyWorker, hasWorkers, openWorker, type WorkerSource } from '../host/open-worker.ts'
import { watchWorkerLock } from '../host/platform/worker-lock.ts'
import type { Thread } from '../host/threads.ts'
import { Connection } from './connection.ts'
import { ConnectionEnd, type Envelope, type Hello, type Ready, readEnvelope } from './endpoint.ts'
import { remoteClasses, remoteFunctions, type ServerSide } from './protocol.ts'
import { RemoteObjects } from './remote-objects.ts'
import type { RemoteClass, RemoteLibrary, RemoteObject, TransferOptions } from './remote-types.ts'

export { SoftmarginError } from '../core/errors.ts'
export { Matrix } from '../core/matrix.ts'
export type { AnyWorker, RemoteClass, RemoteLibrary, RemoteObject, TransferOptions, WorkerSource }

export interface SpawnOptions {
  /**
   * The worker: one that runs `softmargin/worker/entry`, which stays the caller's to terminate; the URL of such a
   * module; or a function that makes such a worker, as bundlers and strict pages want it:
   * `() => new Worker(new URL('./my-worker.js', import.meta.url), { type: 'module' })`. Default: our own.
   */
  worker?: WorkerSource | undefined
  /**
   * Threads of long fits and searches, the worker's own included, for which no other number is asked for. Of several
   * that share a worker the last one counts. Numbers do not depend on it. Default: one for each core.
   */
  threads?: number | undefined
}

/** What `spawn` answers: the library, and the end of the worker. */
export type Remote = RemoteLibrary & {
  /** Whether the work is done in a worker, or here because this host has none. */
  readonly isWorker: boolean
  /** Ends the worker. Calls that run are rejected with `WORKER_LOST`, later ones with `DISPOSED`. */
  dispose(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts a worker and answers the classes of `softmargin`, with the same methods: what they do is done there.
 *
 * Arguments are copied, or moved with `{ transfer: true }` among the options of a call; what comes back is always
 * moved. Properties are waited for: `await svc.classes`. A worker without work does not keep the process alive.
 * Each call starts a worker of its own. Where there are no workers, the same calls work in place.
 *
 * @throws {SoftmarginError} `WORKER_LOST` for a worker that does not start, `INVALID_ARGUMENT`
 */
export async function spawn(o: SpawnOptions = {}): Promise<Remote> {
  if (typeof o !== 'object' || o === null) throw invalidArgument('options', o, 'an object')
  const { worker, threads } = o
  if (threads !== undefined && (!Number.isInteger(threads) || threads < 1)) {
    throw invalidArgument('threads', threads, 'an integer of 1 or more')
  }
  return worker !== undefined || hasWorkers() ? inWorker(worker, { threads }) : inPlace({ threads })
}

async function inWorker(source: WorkerSource | undefined, hello: Hello): Promise<Remote> {
  const id = crypto.randomUUID()
  let thread: Thread | undefined
  let end: ConnectionEnd | undefined
  let fail: (error: unknown) => void = () => {}
  const connection = new Connection(true, (busy) => thread?.setBusy(busy))
  const lost = (cause: unknown) => {
    const error = new SoftmarginError('WORKER_LOST', `the worker was lost: ${reason(cause)}`, { cause })
    connection.end(error)
    fail(error)
    // In a browser it may still be there.
    thread?.terminate()
  }
  const greet = () => thread?.post({ softmargin: id, kind: 'hello', data: hello } satisfies Envelope)
  const { isHeld } = await new Promise<Ready>((resolve, reject) => {
    fail = reject
    const onMessage = (message: unknown) => {
      const envelope = readEnvelope(message)
      // It begins to listen, and may have missed the first one.
      if (envelope?.softmargin === '' && envelope.kind === 'ready') greet()
      if (envelope?.softmargin !== id) return
      if (envelope.kind === 'ready') resolve(envelope.data as Ready)
      if (envelope.kind === 'data') end?.receive(envelope.data)
    }
    openWorker(source, { onMessage, onFailure: lost }).then(
      (opened) => {
        thread = opened
        thread.setBusy(true)
        // One that runs already said so before we listened.
        greet()
      },
      (error) => (error instanceof SoftmarginError ? reject(error) : lost(error)),
    )
  })
  const { post, setBusy, leave, terminate } = thread!
  setBusy(false)
  const unwatch = isHeld ? watchWorkerLock(id, () => lost(new Error('it has ended'))) : () => {}
  end = new ConnectionEnd(id, post)
  Comlink.expose(connection, end)
  return makeRemote(connection, Comlink.wrap<ServerSide>(end) as unknown as ServerSide, true, () => {
    unwatch()
    post({ softmargin: id, kind: 'bye' } satisfies Envelope, [])
    leave()
    setBusy(false)
    terminate()
  })
}

async function inPlace({ threads }: Hello): Promise<Remote> {
  const [library, { Server }, { setDefaultThreads }] = await Promise.all([
    import('../index.ts'),
    import('./server.ts'),
    import('../engine/wasm/thread-pool.ts'),
  ])
  if (threads !== undefined) setDefaultThreads(threads)
  const connection = new Connection(false)
  return makeRemote(connection, new Server(library, connection, false), false, () => {})
}

function makeRemote(connection: Connection, server: ServerSide, isWorker: boolean, end: () => void): Remote {
  const objects = new RemoteObjects(connection)
  connection.start(server, objects)
  const dispose = async () => {
    connection.end(new SoftmarginError('DISPOSED', 'the worker was used after dispose(): spawn a new one'))
    end()
  }
  const classes = remoteClasses.map((name) => [name, objects.classFor(name)])
  const functions = remoteFunctions.map((member) => [
    member,
    (...args: unknown[]) => connection.request({ type: 'call', member, args: [] }, args),
  ])
  return {
    ...Object.fromEntries([...classes, ...functions]),
    isWorker,
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
