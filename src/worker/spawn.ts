// softmargin/worker: the same classes, their work done in a worker.

import * as Comlink from 'comlink'
import { invalidArgument, SoftmarginError } from '../errors.ts'
import type { Thread } from '../host/threads.ts'
import { type AnyWorker, hasWorkers, openWorker, type WorkerSource } from '../host/worker.ts'
import { Connection } from './connection.ts'
import { ConnectionEnd, readEnvelope } from './endpoint.ts'
import { remoteClasses, remoteFunctions, type ServerSide } from './protocol.ts'
import { RemoteObjects } from './remote-objects.ts'
import type { RemoteClass, RemoteLibrary, RemoteObject, TransferOptions } from './remote-types.ts'

export { SoftmarginError } from '../errors.ts'
export { Matrix } from '../matrix.ts'
export type { AnyWorker, RemoteClass, RemoteLibrary, RemoteObject, TransferOptions, WorkerSource }

export interface SpawnOptions {
  /**
   * The worker: one that runs `softmargin/worker/entry`, which stays the caller's to terminate; the URL of such a
   * module; or a function that makes such a worker, as bundlers and strict pages want it:
   * `() => new Worker(new URL('./my-worker.js', import.meta.url), { type: 'module' })`. Default: our own.
   */
  worker?: WorkerSource
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
  return o.worker !== undefined || hasWorkers() ? inWorker(o.worker) : inPlace()
}

async function inWorker(source: WorkerSource | undefined): Promise<Remote> {
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
  const hello = { softmargin: id, kind: 'hello' }
  await new Promise<void>((resolve, reject) => {
    fail = reject
    const onMessage = (message: unknown) => {
      const envelope = readEnvelope(message)
      if (envelope?.kind === 'ready') resolve()
      if (envelope?.kind === 'data' && envelope.softmargin === id) end?.receive(envelope.data)
    }
    openWorker(source, { onMessage, onFailure: lost }).then(
      (opened) => {
        thread = opened
        thread.setBusy(true)
        // One that runs already said that it is ready before we listened.
        thread.post(hello)
      },
      (error) => (error instanceof SoftmarginError ? reject(error) : lost(error)),
    )
  })
  const { post, setBusy, leave, terminate } = thread!
  setBusy(false)
  end = new ConnectionEnd(id, post)
  Comlink.expose(connection, end)
  return makeRemote(connection, Comlink.wrap<ServerSide>(end) as unknown as ServerSide, true, () => {
    leave()
    setBusy(false)
    terminate()
  })
}

async function inPlace(): Promise<Remote> {
  const [library, { Server }] = await Promise.all([import('../index.ts'), import('./server.ts')])
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
