import { SoftmarginError, show } from '../../core/errors.ts'

/**
 * How long to wait for a lock, in milliseconds: a page that is being left releases its locks shortly after the next
 * page has started.
 */
const patience = 1000

/**
 * Takes a lock that one page or worker of an origin at a time can hold (Web Locks). It ends with the page or worker.
 *
 * @param target the name of what it locks
 * @returns a function that releases it; if the browser has no Web Locks, a function that does nothing
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
  const message = `the store ${show(target)} is open in this page, another page or a worker, and only one at a time can write to it; save or dispose of it there first`
  return new SoftmarginError('FILE_LOCKED', message, {
    argument: 'path',
    received: target,
    expected: 'a store that nobody else has open',
  })
}
