// Reads a stream of bytes in pieces of requested lengths.

/** Creates the error for data that ends too early. */
export type Truncated = (wanted: number, got: number) => Error

/**
 * Reads a byte stream by lengths. Lengths that a file declares are not trusted: memory is allocated for bytes that
 * have arrived, never for bytes that are only announced, so a forged header cannot exhaust memory.
 */
export class ByteReader {
  readonly #pieces: AsyncIterator<Uint8Array>
  readonly #truncated: Truncated
  #rest: Uint8Array = new Uint8Array(0)

  constructor(pieces: AsyncIterable<Uint8Array>, truncated: Truncated) {
    this.#pieces = pieces[Symbol.asyncIterator]()
    this.#truncated = truncated
  }

  /** Returns the next bytes, at least one and at most `most`; `undefined` at the end. */
  async some(most: number): Promise<Uint8Array | undefined> {
    if (!(await this.#fill())) return undefined
    const taken = this.#rest.subarray(0, most)
    this.#rest = this.#rest.subarray(taken.length)
    return taken
  }

  async #fill(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#pieces.next()
      if (done) return false
      this.#rest = value
    }
    return true
  }

  /** Returns `count` bytes in a new buffer, or fewer if the stream ends first. */
  async upTo(count: number): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: Uint8Array[] = []
    let length = 0
    while (length < count) {
      const piece = await this.some(count - length)
      if (piece === undefined) break
      pieces.push(piece)
      length += piece.length
    }
    const joined = new Uint8Array(length)
    let at = 0
    for (const piece of pieces) {
      joined.set(piece, at)
      at += piece.length
    }
    return joined
  }

  /** Returns exactly `count` bytes in a new buffer. @throws the error of `Truncated` if the stream ends first */
  async exactly(count: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.upTo(count)
    if (bytes.length < count) throw this.#truncated(count, bytes.length)
    return bytes
  }

  /** Whether the stream has ended. */
  async atEnd(): Promise<boolean> {
    return !(await this.#fill())
  }

  /** Closes the source without reading the rest. */
  async close(): Promise<void> {
    await this.#pieces.return?.()
  }
}
