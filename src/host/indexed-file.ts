import { unreadable } from './bytes.ts'
import type { GrowingFile, GrownFile } from './growing-file.ts'
import { unwritable } from './write-file.ts'

const table = 'records'

/**
 * A growing file in IndexedDB: under `[path, 0]` the whole, under `[path, 1]` and on the records. A transaction is
 * done as a whole, so that a crash tears nothing.
 */
export class IndexedFile implements GrowingFile {
  readonly path: string
  readonly #database: IDBDatabase
  /** Keys of the records that this object has read or written; others may come from another page. */
  #known: IDBValidKey[] = []

  private constructor(path: string, database: IDBDatabase) {
    this.path = path
    this.#database = database
  }

  /** @returns nothing where the browser has no database, or refuses one */
  static async open(path: string): Promise<IndexedFile | undefined> {
    if (typeof indexedDB !== 'object') return undefined
    try {
      const request = indexedDB.open('softmargin', 1)
      request.onupgradeneeded = () => request.result.createObjectStore(table)
      const database = await answerOf(request)
      // Whoever wants to delete the database need not wait for this page.
      database.onversionchange = () => database.close()
      return new IndexedFile(path, database)
    } catch {
      return undefined
    }
  }

  async read(): Promise<GrownFile> {
    try {
      const records = this.#database.transaction(table).objectStore(table)
      const [keys, values] = await Promise.all([
        answerOf(records.getAllKeys(this.#all())),
        answerOf(records.getAll(this.#all()) as IDBRequest<Uint8Array[]>),
      ])
      const hasWhole = keys.length > 0 && (keys[0] as [string, number])[1] === 0
      this.#known = hasWhole ? keys.slice(1) : keys
      return {
        whole: hasWhole ? values[0] : undefined,
        records: hasWhole ? values.slice(1) : values,
        torn: false,
      }
    } catch (cause) {
      throw unreadable(this.path, cause)
    }
  }

  async append(record: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#write((records) => {
      const last = records.openKeyCursor(this.#all(), 'prev')
      last.onsuccess = () => {
        const key = [this.path, ((last.result?.key as [string, number]) ?? [this.path, 0])[1] + 1]
        records.put(record, key)
        this.#known.push(key)
      }
    })
  }

  async replace(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#write((records) => {
      records.put(bytes, [this.path, 0])
      for (const key of this.#known) records.delete(key)
    })
    this.#known = []
  }

  async forget(): Promise<void> {
    await this.#write((records) => {
      for (const key of this.#known) records.delete(key)
    })
    this.#known = []
  }

  async remove(): Promise<void> {
    await this.#write((records) => {
      records.delete(this.#all())
    })
    this.#known = []
  }

  /** All keys of this path: an array sorts behind every number. */
  #all(): IDBKeyRange {
    return IDBKeyRange.bound([this.path], [this.path, []])
  }

  async #write(work: (records: IDBObjectStore) => void): Promise<void> {
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
