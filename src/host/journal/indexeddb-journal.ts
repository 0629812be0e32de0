import { SoftmarginError } from '../../core/errors.ts'
import { unreadable } from '../storage/read-bytes.ts'
import { unwritable } from '../storage/write-file.ts'
import { frame } from './frames.ts'
import type { JournaledBytes } from './journal.ts'
import { WebJournal } from './web-journal.ts'

const table = 'records'

/**
 * A journaled file in IndexedDB: the whole file under `[path, 0]`, records under `[path, 1]` and up, and under
 * `[path, -1]` a value that changes each time the whole file is written. Transactions are atomic, so a crash leaves
 * no partial writes.
 */
export class IndexedDBJournal extends WebJournal {
  readonly #database: IDBDatabase

  private constructor(path: string, database: IDBDatabase) {
    super(path)
    this.#database = database
  }

  /** @returns `undefined` if the browser has no IndexedDB or denies access */
  static async open(path: string): Promise<IndexedDBJournal | undefined> {
    if (typeof indexedDB !== 'object') return undefined
    try {
      const request = indexedDB.open('softmargin', 1)
      request.onupgradeneeded = () => request.result.createObjectStore(table)
      const database = await answerOf(request)
      // Do not block other pages that want to delete the database.
      database.onversionchange = () => database.close()
      return new IndexedDBJournal(path, database)
    } catch {
      return undefined
    }
  }

  async read(): Promise<JournaledBytes> {
    try {
      const objects = this.#database.transaction(table).objectStore(table)
      const [whole, records] = await Promise.all([
        answerOf(objects.get([this.path, 0]) as IDBRequest<Uint8Array | undefined>),
        answerOf(objects.getAll(this.#records()) as IDBRequest<Uint8Array[]>),
      ])
      return { whole, ...this.recordsOf(records) }
    } catch (cause) {
      if (cause instanceof SoftmarginError) throw cause
      throw unreadable(this.path, cause)
    }
  }

  async append(record: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.lock()
    await this.#write((objects) => {
      const last = objects.openKeyCursor(this.#records(), 'prev')
      last.onsuccess = () => {
        const [, number] = (last.result?.key as [string, number]) ?? [this.path, 0]
        objects.put(frame(record), [this.path, number + 1])
      }
    })
  }

  async replace(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.lock()
    await this.#write((objects) => {
      objects.put(bytes, [this.path, 0])
      objects.put(crypto.randomUUID(), [this.path, -1])
      objects.delete(this.#records())
    })
  }

  async remove(): Promise<void> {
    await this.lock()
    await this.#write((objects) => {
      objects.delete(IDBKeyRange.bound([this.path], [this.path, []]))
    })
  }

  protected async look(): Promise<string> {
    const objects = this.#database.transaction(table).objectStore(table)
    const [mark, keys] = await Promise.all([
      answerOf(objects.get([this.path, -1])),
      answerOf(objects.getAllKeys(this.#records())),
    ])
    return JSON.stringify([mark, keys])
  }

  /** The range of the records' keys: an array sorts after every number. */
  #records(): IDBKeyRange {
    return IDBKeyRange.bound([this.path, 1], [this.path, []])
  }

  async #write(work: (objects: IDBObjectStore) => void): Promise<void> {
    try {
      const transaction = this.#database.transaction(table, 'readwrite', { durability: 'strict' })
      const done = new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve()
        transaction.onabort = () => reject(transaction.error)
      })
      work(transaction.objectStore(table))
      await done
    } catch (cause) {
      throw unwritable(this.path, cause)
    }
  }
}

function answerOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
