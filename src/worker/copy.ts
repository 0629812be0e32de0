import { yieldToHost } from '../host/platform/yield.ts'
import { isArrayBuffer, isPlain } from './encode.ts'

/** Bytes that are copied before others get their turn: a few milliseconds of a page, whose memory is new to it. */
const PIECE = 2 ** 21

/**
 * What is shorter is left to the host to copy, since to hand a buffer over has its price, too. It is below the size
 * of most picture files: hundreds of those at once would keep a page for 40 ms.
 */
const LONG = 2 ** 12

type Bytes = ArrayBuffer | ArrayBufferView

/** Where bytes stand among the arguments. */
interface Place {
  holder: Record<string | number, unknown>
  key: string | number
  bytes: Bytes
}

/**
 * Puts copies of its own in place of the buffers and views among encoded arguments, to be handed over: the host
 * would copy all of them at once, while the page stands still. Of a view nothing but its part is copied.
 */
export class Copies {
  /** The buffers that are to be handed over. */
  readonly buffers = new Set<ArrayBuffer>()
  readonly #places: Place[] = []
  readonly #copied = new Map<Bytes, Bytes>()
  #left = PIECE

  /** @param args as `encode` answers them, with views as they were: these are written to */
  constructor(args: unknown[]) {
    this.#find(args)
  }

  /** Whether all can be copied at once. */
  get isShort(): boolean {
    return this.#places.reduce((sum, { bytes }) => sum + bytes.byteLength, 0) <= PIECE
  }

  /** Copies all at once. */
  copy(): void {
    for (const place of this.#places) {
      const known = this.#copied.get(place.bytes)
      this.#replace(place, known ?? sameView(place.bytes, bytesOf(place.bytes).slice()))
    }
  }

  /** Copies piece by piece, with others having their turn between. */
  async copyInPieces(): Promise<void> {
    for (const place of this.#places) {
      const known = this.#copied.get(place.bytes)
      this.#replace(place, known ?? sameView(place.bytes, await this.#slowly(bytesOf(place.bytes))))
    }
  }

  async #slowly(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const copy = new Uint8Array(bytes.length)
    for (let from = 0; from < bytes.length; ) {
      const to = Math.min(bytes.length, from + this.#left)
      copy.set(bytes.subarray(from, to), from)
      this.#left -= to - from
      from = to
      if (this.#left > 0) continue
      await yieldToHost()
      this.#left = PIECE
    }
    return copy
  }

  #replace({ holder, key, bytes }: Place, copy: Bytes): void {
    holder[key] = copy
    // The same bytes in two places stay the same.
    this.#copied.set(bytes, copy)
    if (copy.byteLength >= LONG)
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
      if (!isWhole || value.byteLength >= LONG) this.#places.push({ holder, key, bytes: value })
    } else if (Array.isArray(value) || isPlain(value)) {
      this.#find(value as Record<string, unknown>)
    }
  }
}

/** Shared memory is none: it is not copied when it is sent. */
function isBytes(value: object): value is Bytes {
  return isArrayBuffer(ArrayBuffer.isView(value) ? value.buffer : value)
}

function bytesOf(bytes: Bytes): Uint8Array {
  return ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes)
}

/** A copy as a view of the same kind. A Buffer of Node arrives as a Uint8Array anyway. */
function sameView(original: Bytes, { buffer }: Uint8Array<ArrayBuffer>): Bytes {
  if (!ArrayBuffer.isView(original)) return buffer
  if (original instanceof Uint8Array) return new Uint8Array(buffer)
  const Kind = original.constructor as Float32ArrayConstructor
  return new Kind(buffer)
}
