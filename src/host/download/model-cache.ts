/** What is kept beside a file. */
export interface StoredMetadata {
  /** Where it came from, without the secrets of the URL. */
  url: string
  /** What the server calls this version of the file. */
  etag?: string | undefined
  /** In hexadecimal. */
  sha256: string
}

/** A whole file that was kept. */
export interface Stored extends StoredMetadata {
  bytes: Uint8Array<ArrayBuffer>
}

/** A file that is being downloaded. Nobody sees it in the cache before `keep`. */
export interface Part {
  /** Bytes that are there. */
  readonly length: number
  append(chunk: Uint8Array): Promise<void>
  /** Forgets what is there, and takes note of the version that comes now. */
  restart(version: string | undefined, total: number | undefined): Promise<void>
  /** Whether what is there is of this version. */
  isOf(version: string | undefined): boolean
  /** Whether the version of what is there is known, without which nobody can go on with it. */
  readonly canGoOn: boolean
  bytes(): Promise<Uint8Array<ArrayBuffer>>
  /** Puts the whole file into the cache, at once. */
  keep(facts: StoredMetadata): Promise<void>
  /** Leaves what is there for the next attempt, where it can be left. */
  leave(): Promise<void>
  /** Throws away what is there. */
  drop(): Promise<void>
}

/** Where downloads are kept. */
export interface ModelCache {
  read(url: string): Promise<Stored | undefined>
  /** Begins a download, or goes on with what an earlier one left. */
  open(url: string): Promise<Part>
}

/** SHA-256 in hexadecimal. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes)
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** A download in memory: all that hosts without files can do, and all that is needed without a cache. */
export class MemoryPart implements Part {
  length = 0
  #version: string | undefined
  #buffer = new Uint8Array(0)

  async append(chunk: Uint8Array): Promise<void> {
    const length = this.length + chunk.length
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, this.#buffer.length * 2))
      larger.set(this.#buffer.subarray(0, this.length))
      this.#buffer = larger
    }
    this.#buffer.set(chunk, this.length)
    this.length = length
  }

  async restart(version: string | undefined, total = 2 ** 16): Promise<void> {
    this.length = 0
    this.#version = version
    // What the server says may be wrong, and more than there is memory for.
    if (total > this.#buffer.length) this.#buffer = new Uint8Array(Math.min(total, 2 ** 31))
  }

  isOf(version: string | undefined): boolean {
    return version !== undefined && version === this.#version
  }

  get canGoOn(): boolean {
    return this.#version !== undefined
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.length === this.#buffer.length ? this.#buffer : this.#buffer.slice(0, this.length)
  }

  async keep(_facts: StoredMetadata): Promise<void> {}
  async leave(): Promise<void> {}
  async drop(): Promise<void> {
    this.length = 0
  }
}
