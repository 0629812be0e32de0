import { hasFileSystem, importBuiltin } from './node.ts'

/** Another thread, the same on every host. */
export interface Thread {
  post(message: unknown): void
  /** Whether the thread has work: one without does not keep the process alive. */
  setBusy(busy: boolean): void
  terminate(): void
}

/** What a thread tells. */
export interface ThreadEvents {
  onMessage(message: unknown): void
  /** The thread could not start, or died. */
  onFailure(error: unknown): void
}

/** Whether memory may be shared between threads here: browsers ask for COOP and COEP. */
export function mayShareMemory(): boolean {
  if (typeof SharedArrayBuffer === 'undefined') return false
  return hasFileSystem() || globalThis.crossOriginIsolated === true
}

/** Starts the module of the engine's threads. */
export async function startThread(events: ThreadEvents): Promise<Thread> {
  // Written out, since bundlers only follow literal URLs; the same file from the sources and from the bundles.
  const url = new URL('../../dist/lib/thread.js', import.meta.url)
  if (hasFileSystem()) {
    const { Worker } = await importBuiltin('node:worker_threads')
    const worker = new Worker(url)
    worker.unref()
    worker.on('message', (message) => events.onMessage(message))
    worker.on('error', (error) => events.onFailure(error))
    worker.on('exit', (code) => events.onFailure(new Error(`the thread ended with code ${code}`)))
    return {
      post: (message) => worker.postMessage(message),
      setBusy: (busy) => (busy ? worker.ref() : worker.unref()),
      terminate: () => void worker.terminate(),
    }
  }
  const worker = new Worker(url, { type: 'module' })
  worker.onmessage = ({ data }) => events.onMessage(data)
  worker.onerror = (event) => events.onFailure(event.error ?? new Error(event.message))
  return {
    post: (message) => worker.postMessage(message),
    setBusy: () => {},
    terminate: () => worker.terminate(),
  }
}

/** In a thread: hears messages from who started it, and answers a function that posts to them. */
export async function listenToOwner(
  onMessage: (message: unknown) => void,
): Promise<(message: unknown, transfer: Transferable[]) => void> {
  if (hasFileSystem()) {
    const { parentPort } = await importBuiltin('node:worker_threads')
    if (!parentPort) throw new Error('this module is for threads: import softmargin instead')
    parentPort.on('message', onMessage)
    return (message, transfer) => parentPort.postMessage(message, transfer as ArrayBuffer[])
  }
  globalThis.onmessage = ({ data }) => onMessage(data)
  return (message, transfer) => globalThis.postMessage(message, { transfer })
}
