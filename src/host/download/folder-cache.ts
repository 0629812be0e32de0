import { importBuiltin } from '../platform/builtins.ts'
import { withoutSecrets } from '../storage/url-secrets.ts'
import { type ModelCache, type Part, type Stored, type StoredMetadata, sha256 } from './model-cache.ts'

type Files = typeof import('node:fs/promises')

/** A part that nobody has written to for so long was left by a process that was killed; milliseconds. */
const abandonedAfter = 60_000
/** What was begun or broke off and has not been gone on with for so long will not be any more. */
const forgottenAfter = 7 * 24 * 3_600_000

/** What stands in the name of a part for the version, where the server names none. */
const unversioned = 'none'
/** The names of what is not whole: parts, of a process or left by one, and notes on their way. */
const unfinished =
  /^[0-9a-f]{16}-[\w-]{0,40}\.(((none|[0-9a-f]{8})\.)?[0-9a-f]{8}\.(part|json)|(none|[0-9a-f]{8})\.part)$/

/**
 * Downloads in a folder. A file `<name>` appears by a rename when it is whole, after `<name>.json` with its facts.
 * While it comes it is `<name>.<version>.<random>.part`; one that broke off is left as `<name>.<version>.part`, and
 * who goes on with it takes it by a rename, so that two processes never write the same one.
 */
export class FolderCache implements ModelCache {
  readonly #folder: string
  readonly #files: Files

  private constructor(folder: string, files: Files) {
    this.#folder = folder
    this.#files = files
  }

  /** @returns nothing where the folder cannot be made or written: downloads then stay in memory */
  static async open(folder: string): Promise<FolderCache | undefined> {
    const files = await importBuiltin('node:fs/promises')
    try {
      await files.mkdir(folder, { recursive: true })
      await files.access(folder, files.constants.W_OK)
      await removeForgotten(folder, files)
      return new FolderCache(folder, files)
    } catch {
      return undefined
    }
  }

  async read(url: string): Promise<Stored | undefined> {
    const path = `${this.#folder}/${await nameOf(url)}`
    try {
      const facts: StoredMetadata = JSON.parse(await this.#files.readFile(`${path}.json`, 'utf8'))
      const bytes = new Uint8Array(await this.#files.readFile(path))
      // Facts of a newer file whose own rename did not come any more.
      return (await sha256(bytes)) === facts.sha256 ? { ...facts, bytes } : undefined
    } catch {
      return undefined
    }
  }

  async open(url: string): Promise<Part> {
    const name = await nameOf(url)
    const part = new FolderPart(this.#folder, name, this.#files)
    await part.takeOver()
    return part
  }
}

/** Removes what killed processes left and nobody has asked for since. Files of others in the folder stay. */
async function removeForgotten(folder: string, files: Files): Promise<void> {
  for (const name of await files.readdir(folder)) {
    if (!unfinished.test(name)) continue
    const path = `${folder}/${name}`
    try {
      const { mtimeMs } = await files.stat(path)
      const age = Date.now() - mtimeMs
      // A note is on its way for an instant.
      if (age > (name.endsWith('.json') ? abandonedAfter : forgottenAfter)) await files.rm(path)
    } catch {
      // Another process was faster.
    }
  }
}

class FolderPart implements Part {
  length = 0
  readonly #folder: string
  readonly #name: string
  readonly #files: Files
  readonly #random = crypto.randomUUID().slice(0, 8)
  #version = unversioned
  #handle: Awaited<ReturnType<Files['open']>> | undefined

  constructor(folder: string, name: string, files: Files) {
    this.#folder = folder
    this.#name = name
    this.#files = files
  }

  get #path(): string {
    return `${this.#folder}/${this.#name}.${this.#version}.${this.#random}.part`
  }

  /** Makes a part that an earlier download left its own. */
  async takeOver(): Promise<void> {
    const names = (await this.#files.readdir(this.#folder)).filter(
      (name) => name.startsWith(`${this.#name}.`) && name.endsWith('.part'),
    )
    for (const name of names) {
      const path = `${this.#folder}/${name}`
      try {
        const [version, random] = name.slice(this.#name.length + 1).split('.')
        const { mtimeMs, size } = await this.#files.stat(path)
        if (random !== 'part' && Date.now() - mtimeMs < abandonedAfter) continue
        this.#version = version
        await this.#files.rename(path, this.#path)
        this.length = size
        return
      } catch {
        // Another process was faster.
      }
    }
  }

  async append(chunk: Uint8Array): Promise<void> {
    this.#handle ??= await this.#files.open(this.#path, 'a')
    // Unlike a plain write, this goes on where only a part of the chunk was taken.
    await this.#handle.writeFile(chunk)
    this.length += chunk.length
  }

  async restart(version: string | undefined): Promise<void> {
    await this.drop()
    this.#version = version === undefined ? unversioned : hash(version)
  }

  isOf(version: string | undefined): boolean {
    return version !== undefined && this.#version === hash(version)
  }

  get canGoOn(): boolean {
    return this.#version !== unversioned
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    await this.#close()
    const bytes = this.length === 0 ? new Uint8Array(0) : await this.#files.readFile(this.#path)
    return bytes.byteLength === bytes.buffer.byteLength
      ? new Uint8Array(bytes.buffer as ArrayBuffer)
      : new Uint8Array(bytes)
  }

  async keep(facts: StoredMetadata): Promise<void> {
    await this.#close()
    const path = `${this.#folder}/${this.#name}`
    const note = `${path}.${this.#random}.json`
    await this.#files.writeFile(note, JSON.stringify({ ...facts, url: withoutSecrets(facts.url) }))
    await this.#files.rename(note, `${path}.json`)
    await this.#files.rename(this.#path, path)
  }

  async leave(): Promise<void> {
    if (!this.canGoOn) return this.drop()
    await this.#close()
    if (this.length === 0) return
    await this.#files.rename(this.#path, `${this.#folder}/${this.#name}.${this.#version}.part`)
  }

  async drop(): Promise<void> {
    await this.#close()
    await this.#files.rm(this.#path, { force: true })
    this.length = 0
  }

  async #close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
  }
}

/** A file name for a URL: its own last part, so that people find it, behind a hash of the whole. */
async function nameOf(url: string): Promise<string> {
  const digest = await sha256(new TextEncoder().encode(url))
  const last = new URL(url).pathname.split('/').at(-1) ?? ''
  return `${digest.slice(0, 16)}-${last.replace(/[^\w-]/g, '_').slice(-40)}`
}

/** A short name for a version (FNV-1a, 32 bits). */
function hash(text: string): string {
  let state = 0x811c9dc5
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  return (state >>> 0).toString(16).padStart(8, '0')
}
