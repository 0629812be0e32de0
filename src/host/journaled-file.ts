import { unreadable } from './bytes.ts'
import type { GrowingFile, GrownFile } from './growing-file.ts'
import { importBuiltin } from './node.ts'
import { unwritable, writeFileAtomically } from './write-file.ts'

/** A growing file on the disk: records go to the end of `<path>.journal`, until `replace` writes the file anew. */
export class JournaledFile implements GrowingFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  get #journal(): string {
    return `${this.path}.journal`
  }

  async read(): Promise<GrownFile> {
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

  async replace(bytes: Uint8Array): Promise<void> {
    await writeFileAtomically(this.path, bytes)
    await this.forget()
  }

  async forget(): Promise<void> {
    const { rm } = await importBuiltin('node:fs/promises')
    await rm(this.#journal, { force: true })
  }

  async remove(): Promise<void> {
    const { rm } = await importBuiltin('node:fs/promises')
    await rm(this.path, { force: true })
    await this.forget()
  }
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  const { readFile } = await importBuiltin('node:fs/promises')
  try {
    return await readFile(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unreadable(path, cause)
  }
}
