import { unreadable } from './bytes.ts'
import type { GrowingFile, GrownFile } from './growing-file.ts'
import { unwritable } from './write-file.ts'

const whole = 'whole'

/**
 * A growing file in the origin's private file system (OPFS): a folder with the whole and one file a record. The
 * browser puts a file there when its stream is closed, as a whole, so that a crash tears none.
 */
export class OriginFile implements GrowingFile {
  readonly path: string
  readonly #folder: FileSystemDirectoryHandle
  /** Names of the records that this object has read or written; others may come from another page. */
  #known: string[] = []
  #next = 0

  private constructor(path: string, folder: FileSystemDirectoryHandle) {
    this.path = path
    this.#folder = folder
  }

  /** @returns nothing where the browser has no such file system, or lets nothing be written to it */
  static async open(path: string): Promise<OriginFile | undefined> {
    try {
      // Some have it, but write in workers only.
      if (!('createWritable' in FileSystemFileHandle.prototype)) return undefined
      const root = await navigator.storage.getDirectory()
      const stores = await root.getDirectoryHandle('softmargin', { create: true })
      // A path is no name: `/` may not stand in one.
      const folder = await stores.getDirectoryHandle(`store ${encodeURIComponent(path)}`, { create: true })
      return new OriginFile(path, folder)
    } catch {
      return undefined
    }
  }

  async read(): Promise<GrownFile> {
    try {
      const found = new Map<string, Uint8Array>()
      for await (const handle of this.#folder.values()) {
        if (!(handle instanceof FileSystemFileHandle)) continue
        const isOurs = handle.name === whole || /^\d{9}-\w+$/.test(handle.name)
        const bytes = isOurs ? new Uint8Array(await (await handle.getFile()).arrayBuffer()) : undefined
        if (bytes?.length) found.set(handle.name, bytes)
        // What a crash left: a file whose stream was not closed, or what the browser wrote that stream to.
        else await this.#folder.removeEntry(handle.name).catch(() => {})
      }
      this.#known = [...found.keys()].filter((name) => name !== whole).sort()
      this.#next = Number(this.#known.at(-1)?.slice(0, 9) ?? -1) + 1
      return { whole: found.get(whole), records: this.#known.map((name) => found.get(name)!), torn: false }
    } catch (cause) {
      throw unreadable(this.path, cause)
    }
  }

  async append(record: Uint8Array<ArrayBuffer>): Promise<void> {
    // The random part: another page that has the store open must not write over ours.
    const random = crypto.randomUUID().slice(0, 8)
    const name = `${String(this.#next).padStart(9, '0')}-${random}`
    await this.#write(name, record)
    this.#known.push(name)
    this.#next++
  }

  async replace(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#write(whole, bytes)
    await this.forget()
  }

  async forget(): Promise<void> {
    for (const name of this.#known) await this.#folder.removeEntry(name).catch(ignoreMissing)
    this.#known = []
  }

  async remove(): Promise<void> {
    await this.read()
    await this.forget()
    await this.#folder.removeEntry(whole).catch(ignoreMissing)
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

function ignoreMissing(error: unknown): void {
  if ((error as DOMException).name !== 'NotFoundError') throw error
}
