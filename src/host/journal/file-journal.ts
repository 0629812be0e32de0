import { importBuiltin } from '../platform/builtins.ts'
import { unreadable } from '../storage/read-bytes.ts'
import { syncFolderOf, unwritable, writeFileAtomically } from '../storage/write-file.ts'
import { FileLock } from './file-lock.ts'
import { frame, readFrames } from './frames.ts'
import { changed, earlierJournal, type Journal, type JournaledBytes } from './journal.ts'

/**
 * A journaled file on disk: records are appended to `<path>.journal` until `replace` rewrites the file itself. Its
 * lock is the file `<path>.lock`.
 */
export class FileJournal implements Journal {
  readonly path: string
  #lock: FileLock | undefined
  /** The state of the files (inode, size, modification time) when this object last knew their content. */
  #known: string | undefined
  /** The length of the journal's valid content; a failed append may have left more bytes after it. */
  #length = 0
  #isDamaged = false

  constructor(path: string) {
    this.path = path
  }

  get #journal(): string {
    return `${this.path}.journal`
  }

  async lock(): Promise<void> {
    if (this.#lock) return
    const lock = await FileLock.take(`${this.path}.lock`, this.path)
    if (this.#known !== undefined && this.#known !== (await this.#look())) {
      lock.release()
      throw changed(this.path)
    }
    this.#lock = lock
  }

  async unlock(): Promise<void> {
    if (!this.#lock) return
    this.#known = await this.#look()
    this.close()
  }

  close(): void {
    this.#lock?.release()
    this.#lock = undefined
  }

  async read(): Promise<JournaledBytes> {
    this.#known = await this.#look()
    const whole = await readIfThere(this.path)
    const journal = (await readIfThere(this.#journal)) ?? new Uint8Array(0)
    const { records, damage, end } = readFrames(journal)
    if (records.length === 0 && isEarlier(journal)) throw earlierJournal(this.path)
    this.#length = end
    this.#isDamaged = damage.length > 0
    return { whole, records, damage }
  }

  async append(record: Uint8Array): Promise<void> {
    await this.lock()
    const { open } = await importBuiltin('node:fs/promises')
    const framed = frame(record)
    try {
      const file = await open(this.#journal, 'a')
      try {
        // Remove what a failed append or a crash has left.
        if ((await file.stat()).size !== this.#length) await file.truncate(this.#length)
        try {
          await file.writeFile(framed)
          await file.sync()
        } catch (error) {
          // If this fails too, the next append truncates the file.
          await file.truncate(this.#length).catch(() => {})
          throw error
        }
      } finally {
        await file.close()
      }
      // A new file survives a power cut only if its folder has been synced too.
      if (this.#length === 0) await syncFolderOf(this.#journal)
    } catch (cause) {
      throw unwritable(this.#journal, cause)
    }
    this.#length += framed.length
  }

  async replace(bytes: Uint8Array): Promise<void> {
    await this.lock()
    await writeFileAtomically(this.path, bytes)
    await this.#forget()
  }

  async remove(): Promise<void> {
    await this.lock()
    const { rm } = await importBuiltin('node:fs/promises')
    await rm(this.path, { force: true })
    this.#isDamaged = false
    await this.#forget()
  }

  /** Removes the journal once its records are in the file itself. */
  async #forget(): Promise<void> {
    const { rename, rm } = await importBuiltin('node:fs/promises')
    try {
      // The time in the name prevents overwriting an earlier damaged journal.
      if (this.#isDamaged) await rename(this.#journal, `${this.#journal}.damaged-${Date.now()}`)
      else await rm(this.#journal, { force: true })
    } catch (cause) {
      throw unwritable(this.#journal, cause)
    }
    this.#isDamaged = false
    this.#length = 0
  }

  /** Returns a text that changes when another process writes to the files. */
  async #look(): Promise<string> {
    const { stat } = await importBuiltin('node:fs/promises')
    const looks = [this.path, this.#journal].map((path) =>
      stat(path, { bigint: true }).then(
        ({ ino, size, mtimeNs }) => `${ino} ${size} ${mtimeNs}`,
        () => 'none',
      ),
    )
    return (await Promise.all(looks)).join(', ')
  }
}

/** Whether a journal has the format used before frames: a 32-bit length and a zip archive per record. */
function isEarlier(journal: Uint8Array): boolean {
  return [0x50, 0x4b, 3, 4].every((byte, i) => journal[4 + i] === byte)
}

/** Reads a whole file in pieces, since `readFile` refuses files of more than 2 GiB. */
async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  const { open } = await importBuiltin('node:fs/promises')
  try {
    const file = await open(path, 'r')
    try {
      const bytes = new Uint8Array((await file.stat()).size)
      let length = 0
      while (length < bytes.length) {
        const piece = bytes.subarray(length, length + 2 ** 28)
        const { bytesRead } = await file.read(piece, 0, piece.length, length)
        if (bytesRead === 0) break
        length += bytesRead
      }
      return bytes.subarray(0, length)
    } finally {
      await file.close()
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unreadable(path, cause)
  }
}
