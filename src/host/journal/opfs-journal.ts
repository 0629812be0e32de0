import { SoftmarginError } from '../../core/errors.ts'
import { unreadable } from '../storage/read-bytes.ts'
import { unwritable } from '../storage/write-file.ts'
import { frame } from './frames.ts'
import type { JournaledBytes } from './journal.ts'
import { WebJournal } from './web-journal.ts'

const whole = 'whole'

/**
 * A journaled file in the origin private file system (OPFS): a folder with the whole file and one file per record.
 * The browser publishes a file as a whole when its stream is closed, so a crash leaves no partial files.
 */
export class OPFSJournal extends WebJournal {
  readonly #folder: FileSystemDirectoryHandle
  /** The file names of the records. */
  #records: string[] = []
  #next = 0

  private constructor(path: string, folder: FileSystemDirectoryHandle) {
    super(path)
    this.#folder = folder
  }

  /** @returns `undefined` if the browser has no such file system, or it is not writable */
  static async open(path: string): Promise<OPFSJournal | undefined> {
    try {
      // Some browsers can write to OPFS only in workers.
      if (!('createWritable' in FileSystemFileHandle.prototype)) return undefined
      const root = await navigator.storage.getDirectory()
      const stores = await root.getDirectoryHandle('softmargin', { create: true })
      // Encoded, because a file name must not contain `/`.
      const folder = await stores.getDirectoryHandle(`store ${encodeURIComponent(path)}`, { create: true })
      return new OPFSJournal(path, folder)
    } catch {
      return undefined
    }
  }

  async read(): Promise<JournaledBytes> {
    try {
      const found = new Map<string, Uint8Array>()
      for await (const handle of this.#folder.values()) {
        if (!(handle instanceof FileSystemFileHandle)) continue
        const isOurs = handle.name === whole || isRecord(handle.name)
        const bytes = isOurs ? new Uint8Array(await (await handle.getFile()).arrayBuffer()) : undefined
        if (bytes?.length) found.set(handle.name, bytes)
        // Left by a crash: a file whose stream was not closed, or the browser's temporary file for that stream.
        else await this.#folder.removeEntry(handle.name).catch(() => {})
      }
      this.#records = [...found.keys()].filter(isRecord).sort()
      this.#next = Number(this.#records.at(-1)?.slice(0, 9) ?? -1) + 1
      return { whole: found.get(whole), ...this.recordsOf(this.#records.map((name) => found.get(name)!)) }
    } catch (cause) {
      if (cause instanceof SoftmarginError) throw cause
      throw unreadable(this.path, cause)
    }
  }

  async append(record: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.lock()
    // The random part prevents overwriting what a failed append has left.
    const random = crypto.randomUUID().slice(0, 8)
    const name = `${String(this.#next).padStart(9, '0')}-${random}`
    try {
      await this.#write(name, frame(record))
    } catch (error) {
      await this.#folder.removeEntry(name).catch(() => {})
      throw error
    }
    this.#records.push(name)
    this.#next++
  }

  async replace(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.lock()
    await this.#write(whole, bytes)
    await this.#forget()
  }

  async remove(): Promise<void> {
    await this.lock()
    for await (const name of this.#folder.keys()) if (isRecord(name)) this.#records.push(name)
    await this.#forget()
    await this.#folder.removeEntry(whole).catch(ignoreMissing)
  }

  protected async look(): Promise<string> {
    const found: string[] = []
    for await (const handle of this.#folder.values()) {
      if (!(handle instanceof FileSystemFileHandle)) continue
      if (isRecord(handle.name)) found.push(handle.name)
      if (handle.name !== whole) continue
      const { size, lastModified } = await handle.getFile()
      found.push(`${whole} ${size} ${lastModified}`)
    }
    return found.sort().join(', ')
  }

  async #forget(): Promise<void> {
    for (const name of this.#records) await this.#folder.removeEntry(name).catch(ignoreMissing)
    this.#records = []
  }

  async #write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      const file = await this.#folder.getFileHandle(name, { create: true })
      const stream = await file.createWritable()
      await stream.write(bytes)
      await stream.close()
    } catch (cause) {
      throw unwritable(this.path, cause)
    }
  }
}

function isRecord(name: string): boolean {
  return /^\d{9}-\w+$/.test(name)
}

function ignoreMissing(error: unknown): void {
  if ((error as DOMException).name !== 'NotFoundError') throw error
}
