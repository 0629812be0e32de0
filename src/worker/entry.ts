// The module that a worker runs: importing it makes the worker serve `spawn`.

import * as Comlink from 'comlink'
import { addOnnxRuntime } from '../cnn/onnxruntime.ts'
import { setDefaultThreads } from '../engine/wasm/thread-count.ts'
import { useFullThreads } from '../host/full-thread.ts'
import { holdWorkerLock } from '../host/platform/worker-lock.ts'
import { listenToOwner } from '../host/start-thread.ts'
import { addFormats } from '../image/formats/all-formats.ts'
import * as library from '../index.ts'
import { ConnectionEnd, type Hello, type Ready, readEnvelope } from './endpoint.ts'
import type { ClientSide } from './protocol.ts'
import { Server } from './server.ts'

addOnnxRuntime()
addFormats()
useFullThreads()

/** The state of one `spawn` in this worker. */
interface Served {
  end: ConnectionEnd
  server: Server
  lock: ReturnType<typeof holdWorkerLock>
}

const connections = new Map<string, Served>()

const post = await listenToOwner((message) => {
  const envelope = readEnvelope(message)
  if (!envelope) return
  const { softmargin: id, kind, data } = envelope
  if (kind === 'hello') greet(id, data as Hello)
  else if (kind === 'bye') leave(id)
  else if (kind === 'data') connections.get(id)?.end.receive(data)
})
// Announce readiness, since messages sent before this module ran were lost.
post({ softmargin: '', kind: 'ready' }, [])

async function greet(id: string, { threads }: Hello): Promise<void> {
  if (connections.has(id)) return
  if (threads !== undefined) setDefaultThreads(threads)
  const end = new ConnectionEnd(id, post)
  const client = Comlink.wrap<ClientSide>(end) as unknown as ClientSide
  const server = new Server(library, client, true)
  Comlink.expose(server, end)
  const lock = holdWorkerLock(id)
  connections.set(id, { end, server, lock })
  post({ softmargin: id, kind: 'ready', data: { isHeld: (await lock) !== undefined } satisfies Ready }, [])
}

/** Removes all state of one connection; the worker keeps serving the others. */
async function leave(id: string): Promise<void> {
  const served = connections.get(id)
  connections.delete(id)
  served?.server.dispose()
  const release = await served?.lock
  release?.()
}
