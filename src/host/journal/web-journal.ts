import type { Damage } from './frames.ts'
import { readFrames } from './frames.ts'
import { changed, earlierJournal, type Journal, type JournaledBytes } from './journal.ts'
import { takeWebLock } from './web-lock.ts'

/** What the growing files of browsers have in common: the lock, and records that are stored one by one, each framed. */
export abstract class WebJournal implements Journal {
  readonly path: string
  #release: (() => void) | undefined
  /** What the file looked like when this object last knew what is in it. */
  #known: string | undefined

  protected constructor(path: string) {
    this.path = path
  }

  abstract read(): Promise<JournaledBytes>
  abstract append(record: Uint8Array<ArrayBuffer>): Promise<void>
  abstract replace(bytes: Uint8Array<ArrayBuffer>): Promise<void>
  abstract remove(): Promise<void>
  /** What tells whether somebody else wrote. */
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

  /** The records out of their frames, and which of them are damaged. */
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
