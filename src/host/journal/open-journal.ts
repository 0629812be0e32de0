import { SoftmarginError, show } from '../../core/errors.ts'
import { hasFileSystem } from '../platform/builtins.ts'
import type { Journal } from './journal.ts'

/**
 * Opens the storage of a feature store on this host: the file at that path, or in browsers an entry of that name in
 * the origin private file system (OPFS), or in IndexedDB if OPFS is missing or not writable.
 *
 * @throws {SoftmarginError} `HOST_UNSUPPORTED` if none of these exists
 */
export async function openJournal(path: string): Promise<Journal> {
  if (hasFileSystem()) {
    const { FileJournal } = await import('./file-journal.ts')
    return new FileJournal(path)
  }
  const { OPFSJournal } = await import('./opfs-journal.ts')
  const inOrigin = await OPFSJournal.open(path)
  if (inOrigin) return inOrigin
  const { IndexedDBJournal } = await import('./indexeddb-journal.ts')
  const indexed = await IndexedDBJournal.open(path)
  if (indexed) return indexed
  const message = `the file ${show(path)} cannot be opened: this host has no file system, no OPFS and no IndexedDB`
  throw new SoftmarginError('HOST_UNSUPPORTED', message, { argument: 'path', received: path })
}
