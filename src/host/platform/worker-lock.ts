import { hasFileSystem } from './builtins.ts'

// Hosts with files tell when a worker ends. Browsers keep it to themselves, but a lock that a worker holds is free
// as soon as it is gone, and can be waited for.

/** In a worker: holds a lock until it ends or calls what is answered; nothing is answered where there are no locks. */
export async function holdWorkerLock(name: string): Promise<(() => void) | undefined> {
  const locks = lockManager()
  if (!locks) return undefined
  return new Promise((answer) => {
    locks.request(name, () => new Promise<void>(answer)).catch(() => answer(undefined))
  })
}

/** Hears when nobody holds the lock any more, until it calls what is answered. */
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
