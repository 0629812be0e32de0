import { SoftmarginError, show } from '../errors.ts'
import { hasFileSystem } from './node.ts'

/** What was found under a name. */
export interface GrownFile {
  /** What `replace` wrote last. */
  whole: Uint8Array | undefined
  /** What `append` added since, in that order. */
  records: Uint8Array[]
  /** Whether a crash left a part of a last record: then `replace` or `forget` must come before `append`. */
  torn: boolean
}

/** A file that grows record by record, though it is always whole. Who opens it twice at a time may lose records. */
export interface GrowingFile {
  /** @throws {SoftmarginError} `FILE_UNREADABLE` */
  read(): Promise<GrownFile>
  /** Adds a record; once it answers, a crash does not lose it. @throws {SoftmarginError} `FILE_UNWRITABLE` */
  append(record: Uint8Array<ArrayBuffer>): Promise<void>
  /** Writes the file anew, whole or not at all, and forgets the records. @throws {SoftmarginError} `FILE_UNWRITABLE` */
  replace(bytes: Uint8Array<ArrayBuffer>): Promise<void>
  /** Forgets the records. */
  forget(): Promise<void>
  /** Removes the file and its records, if they are there. */
  remove(): Promise<void>
}

/**
 * Where a store lives on this host: in the file of that path, or, in browsers, under that name in the origin's private
 * file system (OPFS), or in IndexedDB where the browser has no such system or lets nothing be written to it.
 *
 * @throws {SoftmarginError} `HOST_UNSUPPORTED` where there is none of these
 */
export async function growingFile(path: string): Promise<GrowingFile> {
  if (hasFileSystem()) {
    const { JournaledFile } = await import('./journaled-file.ts')
    return new JournaledFile(path)
  }
  const { OriginFile } = await import('./origin-file.ts')
  const inOrigin = await OriginFile.open(path)
  if (inOrigin) return inOrigin
  const { IndexedFile } = await import('./indexed-file.ts')
  const indexed = await IndexedFile.open(path)
  if (indexed) return indexed
  const message = `the file ${show(path)} cannot be opened: this host has no file system, no OPFS and no IndexedDB`
  throw new SoftmarginError('HOST_UNSUPPORTED', message, { argument: 'path', received: path })
}
