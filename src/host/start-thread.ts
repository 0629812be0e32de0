// Threads with one interface for Web Workers and `node:worker_threads`.

import { hasFileSystem, importBuiltin, unbundledUrl } from './platform/builtins.ts'
import { openThreadScript } from './threads.ts'

/** A thread, with the same interface on every host. */
export interface Thread {
  /** @throws what the host throws for a message that cannot be cloned */
  post(message: unknown, transfer?: Transferable[]): void
  /** Sets whether the thread has work; an idle thread does not keep the process alive. */
  setBusy(busy: boolean): void
  /** Stops listening to the thread. */
  leave(): void
  terminate(): void
}

/** The events of a thread. */
export interface ThreadEvents {
  onMessage(message: unknown): void
  /** The thread could not start, or ended unexpectedly. */
  onFailure(error: unknown): void
}

/**
 * The part of a `node:worker_threads` worker that is used here, declared so that the package's types, which browsers
 * use too, do not need Node's.
 */
export interface NodeWorker {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void
  // biome-ignore lint/suspicious/noExplicitAny: as Node declares it
  on(event: string, listener: (value: any) => void): unknown
  // biome-ignore lint/suspicious/noExplicitAny: as Node declares it
  off(event: string, listener: (value: any) => void): unknown
  ref(): void
  unref(): void
  terminate(): unknown
}

/** Starts a thread of the thread pool. */
export async function startThread(events: ThreadEvents): Promise<Thread> {
  // This path is valid both from the sources and from the bundles.
  if (hasFileSystem())
    return startNodeThread(unbundledUrl('../../dist/lib/thread.js', import.meta.url), events)
  return followWeb(openThreadScript(), events)
}

/** Starts a module in a worker thread of Node, Deno or Bun. */
export async function startNodeThread(url: URL, events: ThreadEvents): Promise<Thread> {
  const { Worker } = await importBuiltin('node:worker_threads')
  // Do not inherit the options of the process: `--input-type`, which `node -e` programs may use, would end a worker
  // at once.
  return followNode(new Worker(url, { execArgv: [] }), events)
}

/** Connects to a `node:worker_threads` worker. */
export function followNode(worker: NodeWorker, events: ThreadEvents): Thread {
  const heard = {
    message: (message: unknown) => events.onMessage(message),
    error: (error: unknown) => events.onFailure(error),
    exit: (code: number) => events.onFailure(new Error(`the thread ended with code ${code}`)),
  }
  worker.unref()
  for (const [name, hear] of Object.entries(heard)) worker.on(name, hear)
  return {
    post: (message, transfer) => worker.postMessage(message, transfer as ArrayBuffer[]),
    setBusy: (busy) => (busy ? worker.ref() : worker.unref()),
    leave: () => {
      for (const [name, hear] of Object.entries(heard)) worker.off(name, hear)
    },
    terminate: () => void worker.terminate(),
  }
}

/** Connects to a Web Worker. */
export function followWeb(worker: Worker, events: ThreadEvents): Thread {
  const onMessage = ({ data }: MessageEvent) => events.onMessage(data)
  const onError = (event: ErrorEvent) => {
    // Otherwise Deno prints the error and ends the process.
    event.preventDefault?.()
    events.onFailure(event.error ?? new Error(event.message || 'the worker could not be loaded'))
  }
  worker.addEventListener('message', onMessage)
  worker.addEventListener('error', onError)
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    setBusy: () => {},
    leave: () => {
      worker.removeEventListener('message', onMessage)
      worker.removeEventListener('error', onError)
    },
    terminate: () => worker.terminate(),
  }
}

/** Called in a thread: listens to messages from the thread's creator, and returns a function that posts to it. */
export async function listenToOwner(
  onMessage: (message: unknown) => void,
): Promise<(message: unknown, transfer: Transferable[]) => void> {
  if (hasFileSystem()) {
    const { parentPort } = await importBuiltin('node:worker_threads')
    if (parentPort) {
      parentPort.on('message', onMessage)
      return (message, transfer) => parentPort.postMessage(message, transfer as ArrayBuffer[])
    }
    // Deno's Web Workers have no parent port.
    if (typeof globalThis.postMessage !== 'function') {
      throw new Error('this module only runs in a thread; import softmargin instead')
    }
  }
  globalThis.addEventListener('message', ({ data }) => onMessage(data))
  return (message, transfer) => globalThis.postMessage(message, { transfer })
}
