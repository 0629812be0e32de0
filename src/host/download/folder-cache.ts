import { sha256 } from '../../core/sha256.ts'
import { importBuiltin } from '../platform/builtins.ts'
import { withoutSecrets } from '../storage/url-secrets.ts'
import type { ModelCache, PartialDownload, Stored, StoredMetadata } from './model-cache.ts'

type Files = typeof import('node:fs/promises')

/** A temporary file not written for this long was left behind by a killed process; milliseconds. */
const STALE_MS = 60_000
/** An incomplete download that has not been resumed for this long is deleted; milliseconds. */
const MAX_UNRESUMED_MS = 7 * 24 * 3_600_000

/** The version in the name of a partial file if the server reports none. */
const UNVERSIONED = 'none'
/** The names of incomplete files: partial downloads, in use or left behind, and temporary metadata files. */
const UNFINISHED =
  /^[0-9a-f]{16}-[\w-]{0,40}\.(((none|[0-9a-f]{8})\.)?[0-9a-f]{8}\.(part|json)|(none|[0-9a-f]{8})\.part)$/

/**
 * A model cache in a folder. A complete file `<name>` appears by a rename, after its metadata `<name>.json`. During
 * the download it is `<name>.<version>.<random>.part`; after an interruption it is left as `<name>.<version>.part`. A
 * process that resumes it first renames it, so that two processes never write to the same file.
 */
export class FolderCache implements ModelCache {
  readonly #folder: string
  readonly #files: Files

  private constructor(folder: string, files: Files) {
    this.#folder = folder
    this.#files = files
  }

  /** @returns `undefined` if the folder cannot be created or written; downloads then stay in memory */
  static async open(folder: string): Promise<FolderCache | undefined> {
    const files = await importBuiltin('node:fs/promises')
    try {
      await files.mkdir(folder, { recursive: true })
      await files.access(folder, files.constants.W_OK)
      await removeUnresumed(folder, files)
      return new FolderCache(folder, files)
    } catch {
      return undefined
    }
  }

  async read(url: string): Promise<Stored | undefined> {
    const path = `${this.#folder}/${await fileNameOf(url)}`
    try {
      const metadata: StoredMetadata = JSON.parse(await this.#files.readFile(`${path}.json`, 'utf8'))
      const bytes = new Uint8Array(await this.#files.readFile(path))
      // The hash differs if a process stopped between writing a newer file's metadata and renaming the file itself.
      return (await sha256(bytes)) === metadata.sha256 ? { ...metadata, bytes } : undefined
    } catch {
      return undefined
    }
  }

  async open(url: string): Promise<PartialDownload> {
    const name = await fileNameOf(url)
    const part = new FolderDownload(this.#folder, name, this.#files)
    await part.takeOver()
    return part
  }
}

/**
 * Deletes what killed processes left behind and nobody has resumed since. Other files in the folder are not touched.
 */
async function removeUnresumed(folder: string, files: Files): Promise<void> {
  for (const name of await files.readdir(folder)) {
    if (!UNFINISHED.test(name)) continue
    const path = `${folder}/${name}`
    try {
      const { mtimeMs } = await files.stat(path)
      const age = Date.now() - mtimeMs
      // A temporary metadata file exists only for a moment, so an old one can be deleted early.
      if (age > (name.endsWith('.json') ? STALE_MS : MAX_UNRESUMED_MS)) await files.rm(path)
    } catch {
      // Another process deleted it first.
    }
  }
}

class FolderDownload implements PartialDownload {
  length = 0
  readonly #folder: string
  readonly #name: string
  readonly #files: Files
  readonly #random = crypto.randomUUID().slice(0, 8)
  #version = UNVERSIONED
  #handle: Awaited<ReturnType<Files['open']>> | undefined

  constructor(folder: string, name: string, files: Files) {
    this.#folder = folder
    this.#name = name
    this.#files = files
  }

  get #path(): string {
    return `${this.#folder}/${this.#name}.${this.#version}.${this.#random}.part`
  }

  /** Takes over the partial file of an earlier download, if there is one. */
  async takeOver(): Promise<void> {
    const names = (await this.#files.readdir(this.#folder)).filter(
      (name) => name.startsWith(`${this.#name}.`) && name.endsWith('.part'),
    )
    for (const name of names) {
      const path = `${this.#folder}/${name}`
      try {
        const [version, random] = name.slice(this.#name.length + 1).split('.')
        const { mtimeMs, size } = await this.#files.stat(path)
        // A random part in the name means that a process is, or was, downloading to this file.
        if (random !== 'part' && Date.now() - mtimeMs < STALE_MS) continue
        this.#version = version
        await this.#files.rename(path, this.#path)
        this.length = size
        return
      } catch {
        // Another process took it first.
      }
    }
  }

  async append(chunk: Uint8Array): Promise<void> {
    this.#handle ??= await this.#files.open(this.#path, 'a')
    // Unlike `write`, `writeFile` continues after a partial write.
    await this.#handle.writeFile(chunk)
    this.length += chunk.length
  }

  async restart(version: string | undefined): Promise<void> {
    await this.discard()
    this.#version = version === undefined ? UNVERSIONED : fnv1a(version)
  }

  hasVersion(version: string | undefined): boolean {
    return version !== undefined && this.#version === fnv1a(version)
  }

  get canResume(): boolean {
    return this.#version !== UNVERSIONED
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    await this.#close()
    const bytes = this.length === 0 ? new Uint8Array(0) : await this.#files.readFile(this.#path)
    // Copied if Node allocated a small file from its shared buffer pool.
    return bytes.byteLength === bytes.buffer.byteLength
      ? new Uint8Array(bytes.buffer as ArrayBuffer)
      : new Uint8Array(bytes)
  }

  async commit(metadata: StoredMetadata): Promise<void> {
    await this.#close()
    const path = `${this.#folder}/${this.#name}`
    const temporary = `${path}.${this.#random}.json`
    await this.#files.writeFile(temporary, JSON.stringify({ ...metadata, url: withoutSecrets(metadata.url) }))
    await this.#files.rename(temporary, `${path}.json`)
    await this.#files.rename(this.#path, path)
  }

  async suspend(): Promise<void> {
    if (!this.canResume) return this.discard()
    await this.#close()
    if (this.length === 0) return
    await this.#files.rename(this.#path, `${this.#folder}/${this.#name}.${this.#version}.part`)
  }

  async discard(): Promise<void> {
    await this.#close()
    await this.#files.rm(this.#path, { force: true })
    this.length = 0
  }

  async #close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
  }
}

/** The file name for a URL: a hash of the whole URL, then its last segment, so that people can recognise it. */
async function fileNameOf(url: string): Promise<string> {
  const digest = await sha256(new TextEncoder().encode(url))
  const last = new URL(url).pathname.split('/').at(-1) ?? ''
  return `${digest.slice(0, 16)}-${last.replace(/[^\w-]/g, '_').slice(-40)}`
}

/** The 32-bit FNV-1a hash of a version, in hexadecimal. */
function fnv1a(text: string): string {
  let state = 0x811c9dc5
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  return (state >>> 0).toString(16).padStart(8, '0')
}
