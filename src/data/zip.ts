// A streaming reader for zip archives, the container of `.npz` files.

import { Inflate } from 'fflate'
import { crc32 } from '../core/crc32.ts'
import { ByteReader } from './byte-reader.ts'
import { unreadable } from './data-source.ts'

const FORMAT = 'a zip archive'
const LOCAL = 0x04034b50
const UNKNOWN = 0xffffffff
/** Compressed bytes inflated at once; deflate can expand them a thousandfold. */
const CHUNK = 2 ** 14

/** A file in an archive. */
export interface ZipMember {
  name: string
  /** The uncompressed bytes; the checksum is verified at the end. May be left unread. */
  bytes: AsyncIterable<Uint8Array>
}

interface MemberHeader {
  name: string
  method: number
  crc: number
  compressedSize: number
  size: number
}

/**
 * Yields the members of a zip archive in stream order. Lengths and checksums come from the header before each member;
 * the central directory at the end of the archive is not needed.
 *
 * @throws {SoftmarginError} `DATA_UNREADABLE` for damaged or encrypted archives, methods other than stored and
 *   deflate, and members whose length follows their data (data descriptors)
 */
export async function* zipMembers(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<ZipMember> {
  const reader = new ByteReader(pieces, () => unreadable(FORMAT, 'it is truncated'))
  try {
    for (let number = 0; ; number++) {
      const signature = await reader.upTo(4)
      if (signature.length === 4 && u32(signature, 0) !== LOCAL && number > 0) return
      if (signature.length < 4 || u32(signature, 0) !== LOCAL) {
        throw unreadable(FORMAT, number === 0 ? "it does not begin with 'PK'" : 'it is truncated')
      }
      const header = await readMemberHeader(reader)
      const member = new Member(reader, header)
      yield { name: header.name, bytes: member.bytes() }
      await member.skip()
    }
  } finally {
    await reader.close()
  }
}

async function readMemberHeader(reader: ByteReader): Promise<MemberHeader> {
  const fixed = await reader.exactly(26)
  const flags = u16(fixed, 2)
  const nameBytes = await reader.exactly(u16(fixed, 22))
  const extra = await reader.exactly(u16(fixed, 24))
  let name: string
  try {
    name = new TextDecoder('utf-8', { fatal: true }).decode(nameBytes)
  } catch (cause) {
    throw unreadable(FORMAT, 'the name of a member is not UTF-8', cause)
  }
  if (flags & 1) throw unreadable(FORMAT, `its member '${name}' is encrypted`)
  if (flags & 8)
    throw unreadable(FORMAT, `its member '${name}' has a data descriptor: its length follows its data`)
  const header = {
    name,
    method: u16(fixed, 4),
    crc: u32(fixed, 10),
    compressedSize: u32(fixed, 14),
    size: u32(fixed, 18),
  }
  if (header.method !== 0 && header.method !== 8) {
    throw unreadable(
      FORMAT,
      `its member '${name}' is compressed by method ${header.method} (supported: deflate)`,
    )
  }
  if (header.compressedSize === UNKNOWN || header.size === UNKNOWN) readLongLengths(header, extra)
  return header
}

/** Reads 64-bit lengths (zip64), which NumPy writes for all members. */
function readLongLengths(header: MemberHeader, extra: Uint8Array): void {
  for (let at = 0; at + 4 <= extra.length; at += 4 + u16(extra, at + 2)) {
    if (u16(extra, at) !== 1 || u16(extra, at + 2) < 16 || at + 20 > extra.length) continue
    header.size = u64(extra, at + 4)
    header.compressedSize = u64(extra, at + 12)
    if (Number.isSafeInteger(header.size) && Number.isSafeInteger(header.compressedSize)) return
  }
  throw unreadable(FORMAT, `the length of its member '${header.name}' is missing`)
}

class Member {
  readonly #reader: ByteReader
  readonly #header: MemberHeader
  /** Compressed bytes of the member that have not been read. */
  #left: number

  constructor(reader: ByteReader, header: MemberHeader) {
    this.#reader = reader
    this.#header = header
    this.#left = header.compressedSize
  }

  async *bytes(): AsyncGenerator<Uint8Array> {
    const { name, method, crc, size } = this.#header
    let length = 0
    let sum = 0
    for await (const piece of method === 0 ? this.#compressed() : this.#inflated()) {
      length += piece.length
      if (length > size) break
      sum = crc32(sum, piece)
      yield piece
    }
    if (length !== size) throw unreadable(FORMAT, `its member '${name}' is not ${size} bytes long`)
    if (sum !== crc) throw unreadable(FORMAT, `its member '${name}' is damaged: its checksum differs`)
  }

  /** Skips to the end of the member. */
  async skip(): Promise<void> {
    for await (const _ of this.#compressed());
  }

  async *#compressed(): AsyncGenerator<Uint8Array> {
    while (this.#left > 0) {
      const piece = await this.#reader.some(Math.min(this.#left, CHUNK))
      if (piece === undefined) throw unreadable(FORMAT, 'it is truncated')
      this.#left -= piece.length
      yield piece
    }
  }

  async *#inflated(): AsyncGenerator<Uint8Array> {
    const { name } = this.#header
    let inflated: Uint8Array[] = []
    const inflate = new Inflate((piece) => inflated.push(piece))
    for await (const piece of this.#compressed()) {
      try {
        inflate.push(piece, this.#left === 0)
      } catch (cause) {
        throw unreadable(FORMAT, `its member '${name}' is damaged`, cause)
      }
      yield* inflated
      inflated = []
    }
  }
}

const u16 = (bytes: Uint8Array, at: number) => bytes[at] | (bytes[at + 1] << 8)
const u32 = (bytes: Uint8Array, at: number) => (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0
const u64 = (bytes: Uint8Array, at: number) => u32(bytes, at) + u32(bytes, at + 4) * 2 ** 32
