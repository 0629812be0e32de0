import { SoftmarginError, show } from '../../core/errors.ts'
import type { Damage } from './frames.ts'

/** What was found under a name. */
export interface JournaledBytes {
  /** What `replace` wrote last. */
  whole: Uint8Array | undefined
  /** What `append` added since and is whole, in that order. */
  records: Uint8Array[]
  /** What is damaged among the records. */
  damage: Damage[]
}

/**
 * A file that grows record by record, though it is always whole. Calls must not overlap.
 *
 * Who writes holds its lock, which no other object can then take: not in this process or page, nor in another one.
 */
export interface Journal {
  /**
   * Takes the lock, if it does not have it.
   *
   * @throws {SoftmarginError} `FILE_LOCKED`; `FILE_UNWRITABLE` where no lock can be made; `FILE_CHANGED` if another one
   *   wrote while this object did not hold the lock
   */
  lock(): Promise<void>
  /** Gives the lock back, to be taken again. */
  unlock(): Promise<void>
  /** Gives the lock back for good. */
  close(): void
  /** @throws {SoftmarginError} `FILE_UNREADABLE`, `DATA_UNREADABLE` for what an earlier version wrote */
  read(): Promise<JournaledBytes>
  /**
   * Adds a record; once it answers, a crash does not lose it. If it throws, the file is as it was.
   *
   * @throws {SoftmarginError} `FILE_UNWRITABLE`, and as `lock`
   */
  append(record: Uint8Array<ArrayBuffer>): Promise<void>
  /**
   * Writes the file anew, whole or not at all, and forgets the records. Those that are damaged are kept aside where there
   * is a file system.
   *
   * @throws {SoftmarginError} `FILE_UNWRITABLE`, and as `lock`
   */
  replace(bytes: Uint8Array<ArrayBuffer>): Promise<void>
  /** Removes the file and its records, if they are there. @throws {SoftmarginError} as `lock` */
  remove(): Promise<void>
}

/** The error for a file that another one wrote to. */
export function changed(path: string): SoftmarginError {
  const message = `the store ${show(path)} was changed by another process, page or object since it was saved here: open it again`
  return new SoftmarginError('FILE_CHANGED', message, { argument: 'path', received: path })
}

/** The error for records that are not framed. */
export function earlierJournal(path: string): SoftmarginError {
  const message =
    `the journal of the store ${show(path)} was written by an earlier version of softmargin, whose records this ` +
    'version does not read: save the store with that version, or remove the journal and extract the images again'
  return new SoftmarginError('DATA_UNREADABLE', message, { argument: 'path', received: path })
}
