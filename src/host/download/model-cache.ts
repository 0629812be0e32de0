// The interface of model caches, and the in-memory download that is used without one.

/** The metadata kept with a cached file. */
export interface StoredMetadata {
  /** The URL of the file, without its secrets. */
  url: string
  /** The server's version of the file. */
  etag?: string | undefined
  /** In hexadecimal. */
  sha256: string
}

/** A complete file in the cache. */
export interface Stored extends StoredMetadata {
  bytes: Uint8Array<ArrayBuffer>
}

/** A file that is being downloaded. It is not visible in the cache before `commit`. */
export interface PartialDownload {
  /** The number of bytes downloaded so far. */
  readonly length: number
  append(chunk: Uint8Array): Promise<void>
  /** Discards the bytes so far and records the version and size that the server now sends. */
  restart(version: string | undefined, total: number | undefined): Promise<void>
  /** Whether the bytes so far are of this version. */
  hasVersion(version: string | undefined): boolean
  /** Whether the version of the bytes so far is known; without it, they cannot be resumed. */
  readonly canResume: boolean
  bytes(): Promise<Uint8Array<ArrayBuffer>>
  /** Adds the complete file to the cache atomically. */
  commit(metadata: StoredMetadata): Promise<void>
  /** Leaves the bytes so far for a later attempt, if that is possible. */
  suspend(): Promise<void>
  /** Discards the bytes so far. */
  discard(): Promise<void>
}

/** A cache of downloaded files. */
export interface ModelCache {
  read(url: string): Promise<Stored | undefined>
  /** Starts a download, or resumes one that was interrupted earlier. */
  open(url: string): Promise<PartialDownload>
}

/** A download in memory, for hosts without storage and for downloads without a cache. */
export class MemoryDownload implements PartialDownload {
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
    // The announced size may be wrong, or more than the available memory.
    if (total > this.#buffer.length) this.#buffer = new Uint8Array(Math.min(total, 2 ** 31))
  }

  hasVersion(version: string | undefined): boolean {
    return version !== undefined && version === this.#version
  }

  get canResume(): boolean {
    return this.#version !== undefined
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.length === this.#buffer.length ? this.#buffer : this.#buffer.slice(0, this.length)
  }

  async commit(_metadata: StoredMetadata): Promise<void> {}
  async suspend(): Promise<void> {}
  async discard(): Promise<void> {
    this.length = 0
  }
}
