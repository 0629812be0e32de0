// The entry point `softmargin/worker`: the same classes, run in a worker.

import * as Comlink from 'comlink'
import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import { type AnyWorker, hasWorkers, openWorker, type WorkerSource } from '../host/open-worker.ts'
import { watchWorkerLock } from '../host/platform/worker-lock.ts'
import type { Thread } from '../host/start-thread.ts'
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
   * The worker: one that runs `softmargin/worker/entry`, which the caller owns and must terminate; the URL of such a
   * module; or a function that creates such a worker, which some bundlers and content security policies require: `()
   * => new Worker(new URL('./my-worker.js', import.meta.url), { type: 'module' })`. Default: the package's own
   * worker.
   */
  worker?: WorkerSource | undefined
  /**
   * Default number of threads for long fits, searches and extractors, including the worker's own thread. If several
   * connections share a worker, the last value applies. Results do not depend on it. Default: one per core.
   */
  threads?: number | undefined
}

/** The result of `spawn`: the library, and how to end the worker. */
export type Remote = RemoteLibrary & {
  /** Whether calls run in a worker; false if this host has no workers and they run in this thread. */
  readonly isWorker: boolean
  /** Ends the worker. Pending calls are rejected with `WORKER_LOST`, later ones with `DISPOSED`. */
  dispose(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts a worker and returns the classes of `softmargin`, with the same methods; their code runs in the worker.
 *
 * Arguments are copied, or moved with `{ transfer: true }` in the options of a call; results are always moved.
 * Properties are asynchronous: `await svc.classes`. An idle worker does not keep the process alive. Each call of
 * `spawn` starts a new worker. On hosts without workers, the same calls run in the current thread.
 *
 * @throws {SoftmarginError} `WORKER_LOST` if the worker does not start, `INVALID_ARGUMENT`
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
    // In a browser the worker may still exist.
    thread?.terminate()
  }
  const greet = () => thread?.post({ softmargin: id, kind: 'hello', data: hello } satisfies Envelope)
  const { isHeld } = await new Promise<Ready>((resolve, reject) => {
    fail = reject
    const onMessage = (message: unknown) => {
      const envelope = readEnvelope(message)
      // The worker has just started to listen and may have missed the first hello.
      if (envelope?.softmargin === '' && envelope.kind === 'ready') greet()
      if (envelope?.softmargin !== id) return
      if (envelope.kind === 'ready') resolve(envelope.data as Ready)
      if (envelope.kind === 'data') end?.receive(envelope.data)
    }
    openWorker(source, { onMessage, onFailure: lost }).then(
      (opened) => {
        thread = opened
        thread.setBusy(true)
        // A worker that was already running announced itself before this listener existed.
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
  const [library, { Server }, { setDefaultThreads }, { addOnnxRuntime }] = await Promise.all([
    import('../index.ts'),
    import('./server.ts'),
    import('../engine/wasm/thread-count.ts'),
    import('../cnn/onnxruntime.ts'),
  ])
  addOnnxRuntime()
  if (threads !== undefined) setDefaultThreads(threads)
  const connection = new Connection(false)
  return makeRemote(connection, new Server(library, connection, false), false, () => {})
}

function makeRemote(connection: Connection, server: ServerSide, isWorker: boolean, end: () => void): Remote {
  const objects = new RemoteObjects(connection)
  connection.start(server, objects)
  const dispose = async () => {
    connection.end(new SoftmarginError('DISPOSED', 'the worker was used after dispose(); call spawn() again'))
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
