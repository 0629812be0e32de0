import { hasFileSystem, importBuiltin, unbundledUrl } from './platform/builtins.ts'

/** Another thread, the same on every host. */
export interface Thread {
  /** @throws what the host throws for a message that cannot be cloned */
  post(message: unknown, transfer?: Transferable[]): void
  /** Whether the thread has work: one without does not keep the process alive. */
  setBusy(busy: boolean): void
  /** Hears no more of it. */
  leave(): void
  terminate(): void
}

/** What a thread tells. */
export interface ThreadEvents {
  onMessage(message: unknown): void
  /** The thread could not start, or died. */
  onFailure(error: unknown): void
}

/**
 * A worker of `node:worker_threads`: as much of it as is used here, since the declarations of a package for browsers
 * must not need the types of Node.
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

/** Whether memory may be shared between threads here: browsers ask for COOP and COEP. */
export function mayShareMemory(): boolean {
  if (typeof SharedArrayBuffer === 'undefined') return false
  return hasFileSystem() || globalThis.crossOriginIsolated === true
}

let warned = false

/** So many threads, or 1 where memory may not be shared: a warning, given once, tells why. */
export function possibleThreads(wanted: number): number {
  if (wanted === 1 || mayShareMemory()) return wanted
  if (!warned) {
    console.warn(
      `softmargin: ${wanted} threads are wanted, but this host lets threads share no memory, so there is one. ` +
        "A page must be served with 'Cross-Origin-Opener-Policy: same-origin' and " +
        "'Cross-Origin-Embedder-Policy: require-corp'.",
    )
  }
  warned = true
  return 1
}

/** Starts the module of the engine's threads. */
export async function startThread(events: ThreadEvents): Promise<Thread> {
  if (hasFileSystem()) {
    // The same file from the sources and from the bundles.
    return startNodeThread(unbundledUrl('../../dist/lib/thread.js', import.meta.url), events)
  }
  // In one expression, since bundlers only follow it so.
  const worker = new Worker(new URL('../../dist/lib/thread.js', import.meta.url), { type: 'module' })
  return followWeb(worker, events)
}

/** Starts a module in a worker thread of Node, Deno or Bun. */
export async function startNodeThread(url: URL, events: ThreadEvents): Promise<Thread> {
  const { Worker } = await importBuiltin('node:worker_threads')
  // Not the options of the process: --input-type, which a program on the command line has, ends a worker at once.
  return followNode(new Worker(url, { execArgv: [] }), events)
}

/** Hears a worker of `node:worker_threads`. */
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

/** Hears a worker of the web. */
export function followWeb(worker: Worker, events: ThreadEvents): Thread {
  const onMessage = ({ data }: MessageEvent) => events.onMessage(data)
  const onError = (event: ErrorEvent) => {
    // Deno prints it and ends the process else.
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

/** In a thread: hears messages from who started it, and answers a function that posts to them. */
export async function listenToOwner(
  onMessage: (message: unknown) => void,
): Promise<(message: unknown, transfer: Transferable[]) => void> {
  if (hasFileSystem()) {
    const { parentPort } = await importBuiltin('node:worker_threads')
    if (parentPort) {
      parentPort.on('message', onMessage)
      return (message, transfer) => parentPort.postMessage(message, transfer as ArrayBuffer[])
    }
    // Web workers of Deno have no such port.
    if (typeof globalThis.postMessage !== 'function') {
      throw new Error('this module is for threads: import softmargin instead')
    }
  }
  globalThis.addEventListener('message', ({ data }) => onMessage(data))
  return (message, transfer) => globalThis.postMessage(message, { transfer })
}
