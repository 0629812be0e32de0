// The interface of journaled files, which the stores of all hosts implement.

import { SoftmarginError, show } from '../../core/errors.ts'
import type { Damage } from './frames.ts'

/** The content of a journaled file. */
export interface JournaledBytes {
  /** The bytes that `replace` wrote last. */
  whole: Uint8Array | undefined
  /** The whole records that `append` has added since, in order. */
  records: Uint8Array[]
  /** The damaged parts among the records. */
  damage: Damage[]
}

/**
 * A file that grows record by record and is consistent at all times. Calls must not overlap.
 *
 * Writing requires the file's lock, which only one object can hold, across this process or page and all others.
 */
export interface Journal {
  /**
   * Takes the lock, unless this object already holds it.
   *
   * @throws {SoftmarginError} `FILE_LOCKED`; `FILE_UNWRITABLE` if no lock can be created; `FILE_CHANGED` if another
   *   object wrote while this one did not hold the lock
   */
  lock(): Promise<void>
  /** Releases the lock; it can be taken again. */
  unlock(): Promise<void>
  /** Releases the lock permanently. */
  close(): void
  /** @throws {SoftmarginError} `FILE_UNREADABLE`, `DATA_UNREADABLE` for a journal of an earlier version */
  read(): Promise<JournaledBytes>
  /**
   * Adds a record. Once the promise resolves, a crash does not lose the record; if it rejects, the file is unchanged.
   *
   * @throws {SoftmarginError} `FILE_UNWRITABLE`, and as `lock`
   */
  append(record: Uint8Array<ArrayBuffer>): Promise<void>
  /**
   * Rewrites the whole file atomically and removes the records. Damaged ones are set aside if there is a file system.
   *
   * @throws {SoftmarginError} `FILE_UNWRITABLE`, and as `lock`
   */
  replace(bytes: Uint8Array<ArrayBuffer>): Promise<void>
  /** Removes the file and its records, if they exist. @throws {SoftmarginError} as `lock` */
  remove(): Promise<void>
}

/** The error for a file that another object has written to. */
export function changed(path: string): SoftmarginError {
  const message = `the store ${show(path)} was changed by another process, page or object after it was saved here; open it again`
  return new SoftmarginError('FILE_CHANGED', message, { argument: 'path', received: path })
}

/** The error for records without frames. */
export function earlierJournal(path: string): SoftmarginError {
  const message =
    `the journal of the store ${show(path)} was written by an earlier version of softmargin in a format that this ` +
    'version does not read; save the store with that version, or remove the journal and extract the images again'
  return new SoftmarginError('DATA_UNREADABLE', message, { argument: 'path', received: path })
}
