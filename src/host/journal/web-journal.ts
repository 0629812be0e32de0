import type { Damage } from './frames.ts'
import { readFrames } from './frames.ts'
import { changed, earlierJournal, type Journal, type JournaledBytes } from './journal.ts'
import { takeWebLock } from './web-lock.ts'

/** The shared part of the browsers' journaled files: the lock, and framed records that are stored one by one. */
export abstract class WebJournal implements Journal {
  readonly path: string
  #release: (() => void) | undefined
  /** The state of the storage when this object last knew its content. */
  #known: string | undefined

  protected constructor(path: string) {
    this.path = path
  }

  abstract read(): Promise<JournaledBytes>
  abstract append(record: Uint8Array<ArrayBuffer>): Promise<void>
  abstract replace(bytes: Uint8Array<ArrayBuffer>): Promise<void>
  abstract remove(): Promise<void>
  /** Returns a text that changes when another page or worker writes. */
  protected abstract look(): Promise<string>

  async lock(): Promise<void> {
    if (this.#release) return
    const release = await takeWebLock(this.path)
    if (this.#known !== undefined && this.#known !== (await this.look())) {
      release()
      throw changed(this.path)
    }
    this.#release = release
  }

  async unlock(): Promise<void> {
    if (!this.#release) return
    this.#known = await this.look()
    this.close()
  }

  close(): void {
    this.#release?.()
    this.#release = undefined
  }

  /** Extracts the records from their frames, and lists the damaged ones. */
  protected recordsOf(frames: Uint8Array[]): Pick<JournaledBytes, 'records' | 'damage'> {
    const records: Uint8Array[] = []
    const damage: Damage[] = []
    for (const framed of frames) {
      const [record] = readFrames(framed).records
      if (record) records.push(record)
      else if (framed[0] === 0x50 && framed[1] === 0x4b) throw earlierJournal(this.path)
      else damage.push({ recordsBefore: records.length, bytes: framed.length })
    }
    return { records, damage }
  }
}
