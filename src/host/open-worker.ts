import { invalidArgument } from '../core/errors.ts'
import { hasFileSystem, unbundledUrl } from './platform/builtins.ts'
import {
  followNode,
  followWeb,
  type NodeWorker,
  startNodeThread,
  type Thread,
  type ThreadEvents,
} from './start-thread.ts'

/** A Web Worker, or a worker of `node:worker_threads`. */
export type AnyWorker = Worker | NodeWorker

/**
 * A worker that runs `softmargin/worker/entry`, the URL of such a module, or a function that creates such a worker.
 */
export type WorkerSource = AnyWorker | URL | string | (() => AnyWorker | Promise<AnyWorker>)

/** Whether this host has workers; edge functions do not. */
export function hasWorkers(): boolean {
  return hasFileSystem() || typeof Worker === 'function'
}

/**
 * Starts a worker, or connects to the one that is passed in.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`; otherwise what the host or the factory throws
 */
export async function openWorker(source: WorkerSource | undefined, events: ThreadEvents): Promise<Thread> {
  if (source === undefined) return startOwn(events)
  if (source instanceof URL || typeof source === 'string') return startAt(source, events)
  if (typeof source === 'function') return follow(await source(), events)
  const thread = follow(source, events)
  // The caller owns this worker; never terminate it.
  return { ...thread, terminate: () => {} }
}

async function startOwn(events: ThreadEvents): Promise<Thread> {
  if (hasFileSystem()) {
    return startNodeThread(unbundledUrl('../../dist/lib/worker-entry.js', import.meta.url), events)
  }
  // Must be one expression: bundlers recognise only this form.
  const worker = new Worker(new URL('../../dist/lib/worker-entry.js', import.meta.url), { type: 'module' })
  return followWeb(worker, events)
}

async function startAt(url: URL | string, events: ThreadEvents): Promise<Thread> {
  if (!hasFileSystem()) return followWeb(new Worker(url, { type: 'module' }), events)
  try {
    return await startNodeThread(new URL(url), events)
  } catch (cause) {
    if (cause instanceof TypeError) throw invalidArgument('worker', String(url), 'a URL with its scheme')
    throw cause
  }
}

function follow(worker: AnyWorker, events: ThreadEvents): Thread {
  if (typeof (worker as NodeWorker)?.on === 'function') return followNode(worker as NodeWorker, events)
  if (typeof (worker as Worker)?.addEventListener === 'function') return followWeb(worker as Worker, events)
  throw invalidArgument('worker', worker, 'a Worker, a URL or a function that makes a Worker')
}
