import { SoftmarginError, show } from '../errors.ts'
import { hasFileSystem, importBuiltin } from './node.ts'
import { unwritable, writeFileAtomically } from './write-file.ts'

/**
 * A file that grows record by record, though it is always whole: records go to the end of `<path>.journal`, until
 * `replace` writes the file anew. One process at a time.
 */
export class JournaledFile {
  readonly path: string

  /** @throws {SoftmarginError} `HOST_UNSUPPORTED` where there are no files */
  constructor(path: string) {
    if (!hasFileSystem()) {
      const message = `the file ${show(path)} cannot be opened: this host has no file system`
      throw new SoftmarginError('HOST_UNSUPPORTED', message, { argument: 'path', received: path })
    }
    this.path = path
  }

  get #journal(): string {
    return `${this.path}.journal`
  }

  /**
   * The file, if there is one, and the records behind it.
   *
   * @returns `torn` if a crash left a part of a last record: then `replace` or `forget` must come before `append`
   * @throws {SoftmarginError} `FILE_UNREADABLE`
   */
  async read(): Promise<{ whole: Uint8Array | undefined; records: Uint8Array[]; torn: boolean }> {
    const whole = await readIfThere(this.path)
    const journal = (await readIfThere(this.#journal)) ?? new Uint8Array(0)
    const view = new DataView(journal.buffer, journal.byteOffset, journal.byteLength)
    const records: Uint8Array[] = []
    let at = 0
    while (at + 4 <= journal.length) {
      const end = at + 4 + view.getUint32(at, true)
      if (end > journal.length) break
      records.push(journal.subarray(at + 4, end))
      at = end
    }
    return { whole, records, torn: at < journal.length }
  }

  /** @throws {SoftmarginError} `FILE_UNWRITABLE` */
  async append(record: Uint8Array): Promise<void> {
    const { open } = await importBuiltin('node:fs/promises')
    const framed = new Uint8Array(4 + record.length)
    new DataView(framed.buffer).setUint32(0, record.length, true)
    framed.set(record, 4)
    try {
      const file = await open(this.#journal, 'a')
      try {
        await file.writeFile(framed)
        await file.sync()
      } finally {
        await file.close()
      }
    } catch (cause) {
      throw unwritable(this.#journal, cause)
    }
  }

  /** Writes the file anew, whole or not at all, and forgets the records. @throws {SoftmarginError} `FILE_UNWRITABLE` */
  async replace(bytes: Uint8Array): Promise<void> {
    await writeFileAtomically(this.path, bytes)
    await this.forget()
  }

  /** Forgets the records. */
  async forget(): Promise<void> {
    const { rm } = await importBuiltin('node:fs/promises')
    await rm(this.#journal, { force: true })
  }
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  const { readFile } = await importBuiltin('node:fs/promises')
  try {
    return await readFile(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    const message = `the file ${show(path)} cannot be read: ${(cause as Error).message}`
    const details = { argument: 'path', received: path, expected: 'a file that can be read', cause }
    throw new SoftmarginError('FILE_UNREADABLE', message, details)
  }
}
