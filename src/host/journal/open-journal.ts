import { SoftmarginError, show } from '../../core/errors.ts'
import { hasFileSystem } from '../platform/builtins.ts'
import type { Journal } from './journal.ts'

/**
 * Where a store lives on this host: in the file of that path, or, in browsers, under that name in the origin's private
 * file system (OPFS), or in IndexedDB where the browser has no such system or lets nothing be written to it.
 *
 * @throws {SoftmarginError} `HOST_UNSUPPORTED` where there is none of these
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
