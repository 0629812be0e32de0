// Copies the buffers in arguments in chunks, so that sending large data does not block the page.

import { yieldToHost } from '../host/platform/yield.ts'
import { isArrayBuffer, isPlain } from './encode.ts'

/** Bytes copied before yielding: a few milliseconds on a page's main thread if the target memory is newly allocated. */
const CHUNK_BYTES = 2 ** 21

/**
 * Shorter buffers are left to structured cloning, since transferring a buffer has a cost of its own. The limit is
 * below the size of most image files: cloning hundreds of those at once would block a page for 40 ms.
 */
const MIN_TRANSFERRED_BYTES = 2 ** 12

type Bytes = ArrayBuffer | ArrayBufferView

/** The location of a buffer or view within the arguments. */
interface Place {
  holder: Record<string | number, unknown>
  key: string | number
  bytes: Bytes
}

/**
 * Replaces the buffers and views in encoded arguments with copies that can be transferred. Structured cloning would
 * copy all of them at once and block the page. Of a view, only the viewed part is copied.
 */
export class Copies {
  /** The buffers to transfer. */
  readonly buffers = new Set<ArrayBuffer>()
  readonly #places: Place[] = []
  readonly #copied = new Map<Bytes, Bytes>()
  #left = CHUNK_BYTES

  /** @param args as `encode` returns them, with the original views; modified in place */
  constructor(args: unknown[]) {
    this.#find(args)
  }

  /** Whether everything is small enough to copy without yielding. */
  get isShort(): boolean {
    return this.#places.reduce((sum, { bytes }) => sum + bytes.byteLength, 0) <= CHUNK_BYTES
  }

  /** Copies everything at once. */
  copy(): void {
    for (const place of this.#places) {
      const known = this.#copied.get(place.bytes)
      this.#replace(place, known ?? sameView(place.bytes, bytesOf(place.bytes).slice()))
    }
  }

  /** Copies chunk by chunk, yielding to the event loop in between. */
  async copyInPieces(): Promise<void> {
    for (const place of this.#places) {
      const known = this.#copied.get(place.bytes)
      this.#replace(place, known ?? sameView(place.bytes, await this.#copyWithPauses(bytesOf(place.bytes))))
    }
  }

  async #copyWithPauses(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const copy = new Uint8Array(bytes.length)
    for (let from = 0; from < bytes.length; ) {
      const to = Math.min(bytes.length, from + this.#left)
      copy.set(bytes.subarray(from, to), from)
      this.#left -= to - from
      from = to
      if (this.#left > 0) continue
      await yieldToHost()
      this.#left = CHUNK_BYTES
    }
    return copy
  }

  #replace({ holder, key, bytes }: Place, copy: Bytes): void {
    holder[key] = copy
    // Bytes that occur twice are copied once and stay shared.
    this.#copied.set(bytes, copy)
    if (copy.byteLength >= MIN_TRANSFERRED_BYTES)
      this.buffers.add((ArrayBuffer.isView(copy) ? copy.buffer : copy) as ArrayBuffer)
  }

  #find(holder: unknown[] | Record<string, unknown>): void {
    if (Array.isArray(holder)) for (let i = 0; i < holder.length; i++) this.#look(holder as never, i)
    else for (const key of Object.keys(holder)) this.#look(holder, key)
  }

  #look(holder: Place['holder'], key: string | number): void {
    const value = holder[key]
    if (value === null || typeof value !== 'object') return
    if (isBytes(value)) {
      const isWhole = !ArrayBuffer.isView(value) || value.byteLength === value.buffer.byteLength
      if (!isWhole || value.byteLength >= MIN_TRANSFERRED_BYTES)
        this.#places.push({ holder, key, bytes: value })
    } else if (Array.isArray(value) || isPlain(value)) {
      this.#find(value as Record<string, unknown>)
    }
  }
}

/** Shared memory is excluded: structured cloning does not copy it. */
function isBytes(value: object): value is Bytes {
  return isArrayBuffer(ArrayBuffer.isView(value) ? value.buffer : value)
}

function bytesOf(bytes: Bytes): Uint8Array {
  return ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes)
}

/** Creates a view of the same type over a copy. Node's Buffer arrives as a Uint8Array anyway. */
function sameView(original: Bytes, { buffer }: Uint8Array<ArrayBuffer>): Bytes {
  if (!ArrayBuffer.isView(original)) return buffer
  if (original instanceof Uint8Array) return new Uint8Array(buffer)
  const Kind = original.constructor as Float32ArrayConstructor
  return new Kind(buffer)
}
