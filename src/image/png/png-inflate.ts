import { Inflate } from 'fflate'
import { inflateByHost } from '../../host/platform/inflate.ts'

/** Number of compressed bytes that are inflated at once. Their output, at most 1032 times as much, is held in memory. */
const CHUNK_BYTES = 2 ** 14
/** The same for the host's inflater. */
const HOST_CHUNK_BYTES = 2 ** 16
/** Maximum expansion of deflate: a copy of 258 bytes takes two bits. */
export const MAX_EXPANSION = 1032

/**
 * Inflates a zlib stream piece by piece. Its checksum (Adler-32) is ignored, since PNG chunks have their own.
 *
 * @param parts the stream, split at arbitrary bytes
 * @param take called with inflated bytes; if it throws, the rest is not inflated
 * @throws {Error} with a message that says what is wrong with the stream
 */
export function inflateParts(parts: Uint8Array[], take: (bytes: Uint8Array) => void): void {
  let left = parts.reduce((sum, { length }) => sum + length, 0)
  let inflated: Uint8Array = new Uint8Array(0)
  const inflate = new Inflate((bytes) => {
    inflated = bytes
  })
  let headerLength = 2
  for (const piece of pieces(parts, CHUNK_BYTES)) {
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
 * Like `inflateParts`, with the host's inflater, which is three times as fast once it has started.
 *
 * @returns whether the whole stream was inflated and taken. If not, `inflateParts` says what is wrong, if anything.
 */
export async function inflatePartsByHost(
  parts: Uint8Array[],
  take: (bytes: Uint8Array) => void,
): Promise<boolean> {
  const inflated = inflateByHost(pieces(parts, HOST_CHUNK_BYTES))
  if (!inflated) return false
  try {
    for await (const bytes of inflated) take(bytes)
    return true
  } catch {
    return false
  }
}

/** Joins short parts and splits long ones, since each call of an inflater has a cost. */
function* pieces(parts: Uint8Array[], size: number): Generator<Uint8Array<ArrayBuffer>> {
  let gathered = new Uint8Array(size)
  let filled = 0
  for (const part of parts) {
    for (let at = 0; at < part.length; ) {
      const length = Math.min(size - filled, part.length - at)
      gathered.set(part.subarray(at, at + length), filled)
      filled += length
      at += length
      if (filled < size) continue
      yield gathered
      gathered = new Uint8Array(size)
      filled = 0
    }
  }
  if (filled > 0) yield gathered.subarray(0, filled)
}

/** Checks the header of a zlib stream (RFC 1950): its method, its window and its checksum, and no dictionary. */
function checkHeader([method, flags = 0]: Uint8Array): void {
  const isDeflate = (method & 15) === 8 && method >> 4 <= 7
  if (!isDeflate || ((method << 8) | flags) % 31 !== 0 || (flags & 0x20) !== 0) {
    throw new Error('its pixels are not compressed with zlib')
  }
}
