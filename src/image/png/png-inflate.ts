import { Inflate } from 'fflate'

/** Number of compressed bytes that are inflated at once: what comes of them is held, 1032 times as much at most. */
const PIECE = 2 ** 15
/** The most bytes that deflate makes of one: a copy of 258 bytes takes two bits. */
export const MOST_EXPANSION = 1032

/**
 * Inflates a zlib stream piece by piece. Its checksum (Adler-32) is not looked at, since the chunks of PNG have their own.
 *
 * @param parts the stream, cut at any bytes
 * @param take is called with inflated bytes. What follows is not inflated if it throws.
 * @throws {Error} with a message that says what is wrong with the stream
 */
export function inflateParts(parts: Uint8Array[], take: (bytes: Uint8Array) => void): void {
  let left = parts.reduce((sum, { length }) => sum + length, 0)
  let inflated: Uint8Array = new Uint8Array(0)
  const inflate = new Inflate((bytes) => {
    inflated = bytes
  })
  let headerLength = 2
  for (const piece of pieces(parts)) {
    if (headerLength > 0) checkHeader(piece)
    left -= piece.length
    try {
      inflate.push(piece.subarray(headerLength), left === 0)
    } catch (cause) {
      const isTooShort = cause instanceof Error && 'code' in cause && cause.code === 0
      throw new Error(
        isTooShort ? 'its compressed pixels are truncated' : 'its compressed pixels are damaged',
        {
          cause,
        },
      )
    }
    headerLength = 0
    take(inflated)
  }
}

/**
 * Like `inflateParts`, by the host's own inflater, which takes a fifth of the time.
 *
 * Hosts differ in what they say of damaged streams, and of bytes behind the end of one: whether a stream is sound, and what
 * is wrong with it, is for `inflateParts` to say.
 *
 * @returns whether the whole stream was inflated and taken; `false` where the host has no inflater
 */
export async function inflatedByHost(
  parts: Uint8Array[],
  take: (bytes: Uint8Array) => void,
): Promise<boolean> {
  if (typeof DecompressionStream === 'undefined') return false
  const { readable, writable } = new DecompressionStream('deflate')
  const reader = readable.getReader()
  const writing = writeAll(writable, parts)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      take(value)
    }
    return await writing
  } catch {
    await reader.cancel().catch(() => {})
    await writing
    return false
  }
}

/** Writes the stream, waiting where the inflater has its hands full. Never throws. */
async function writeAll(writable: WritableStream<BufferSource>, parts: Uint8Array[]): Promise<boolean> {
  const writer = writable.getWriter()
  try {
    for (const piece of pieces(parts)) {
      await writer.ready
      await writer.write(piece)
    }
    await writer.close()
    return true
  } catch {
    return false
  }
}

/** Gathers short parts and cuts long ones, since each call of an inflater has its price. */
function* pieces(parts: Uint8Array[]): Generator<Uint8Array<ArrayBuffer>> {
  let gathered = new Uint8Array(PIECE)
  let filled = 0
  for (const part of parts) {
    for (let at = 0; at < part.length; ) {
      const length = Math.min(PIECE - filled, part.length - at)
      gathered.set(part.subarray(at, at + length), filled)
      filled += length
      at += length
      if (filled < PIECE) continue
      yield gathered
      gathered = new Uint8Array(PIECE)
      filled = 0
    }
  }
  if (filled > 0) yield gathered.subarray(0, filled)
}

/** Checks the header of a zlib stream (RFC 1950): its method, its window and its checksum, and no dictionary. */
function checkHeader([method, flags = 0]: Uint8Array): void {
  const isDeflate = (method & 15) === 8 && method >> 4 <= 7
  if (!isDeflate || ((method << 8) | flags) % 31 !== 0 || (flags & 0x20) !== 0) {
    throw new Error('its pixels are not compressed as those of PNG are (zlib)')
  }
}
