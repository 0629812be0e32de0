import { SoftmarginError, show } from '../../core/errors.ts'

/** A page that is being left gives its locks back a moment after the next one has begun, in milliseconds. */
const patience = 1000

/**
 * A lock that one page or worker of an origin at a time holds (Web Locks). It ends with the page or the worker.
 *
 * @param target what it locks
 * @returns what gives it back; where the browser has no locks, something that does nothing
 * @throws {SoftmarginError} `FILE_LOCKED`
 */
export async function takeWebLock(target: string): Promise<() => void> {
  const locks = globalThis.navigator?.locks
  if (!locks) return () => {}
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(patience)
    locks
      .request(`softmargin store ${target}`, { signal }, () => new Promise<void>(resolve))
      .catch(() => reject(locked(target)))
  })
}

function locked(target: string): SoftmarginError {
  const message = `the store ${show(target)} is open in this page, another page or a worker, and only one may write to it at a time: save or dispose of it there first`
  return new SoftmarginError('FILE_LOCKED', message, {
    argument: 'path',
    received: target,
    expected: 'a store that nobody else has open',
  })
}
