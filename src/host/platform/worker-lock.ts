import { hasFileSystem } from './builtins.ts'

// Detects the end of a worker in browsers, which, unlike Node, have no event for it: a Web Lock held by the worker is
// released when the worker ends, and others can wait for that.

/**
 * Called in a worker: holds a lock until the worker ends or calls the returned function. Returns `undefined` if there
 * are no Web Locks.
 */
export async function holdWorkerLock(name: string): Promise<(() => void) | undefined> {
  const locks = lockManager()
  if (!locks) return undefined
  return new Promise((answer) => {
    locks.request(name, () => new Promise<void>(answer)).catch(() => answer(undefined))
  })
}

/** Calls `onEnd` when the lock is no longer held; the returned function stops waiting. */
export function watchWorkerLock(name: string, onEnd: () => void): () => void {
  const controller = new AbortController()
  lockManager()
    ?.request(name, { signal: controller.signal }, onEnd)
    .catch(() => {})
  return () => controller.abort()
}

function lockManager(): LockManager | undefined {
  return hasFileSystem() ? undefined : globalThis.navigator?.locks
}
