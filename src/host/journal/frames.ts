import { crc32 } from '../../core/crc32.ts'

// Frames the records of a journal, so that damaged ones can be detected and skipped. A frame is 8 magic bytes, the
// record's length and checksum, the checksum of these 16 bytes, then the record. Integers are 32-bit little-endian.

/**
 * Chosen like PNG's signature: no text begins with it, and a transfer that converts line ends breaks it. The byte
 * before the last is the version.
 */
const mark = Uint8Array.of(0x93, 0x53, 0x4d, 0x52, 0x0d, 0x0a, 1, 0x0a)
const headerSize = 20

/** A part of a journal that is not a whole record. */
export interface Damage {
  /** The number of whole records before it. */
  recordsBefore: number
  /** Its length in bytes. */
  bytes: number
}

/** The content of a journal. */
export interface Frames {
  /** The whole records, in order. */
  records: Uint8Array[]
  /** The parts between and after the records, except what an unfinished append leaves at the end. */
  damage: Damage[]
  /** The offset for the next record; anything after it is an unfinished append. */
  end: number
}

/** Returns the frame of a record. */
export function frame(record: Uint8Array): Uint8Array<ArrayBuffer> {
  const framed = new Uint8Array(headerSize + record.length)
  const view = new DataView(framed.buffer)
  framed.set(mark)
  view.setUint32(8, record.length, true)
  view.setUint32(12, crc32(0, record), true)
  view.setUint32(16, crc32(0, framed.subarray(0, 16)), true)
  framed.set(record, headerSize)
  return framed
}

/**
 * Reads the whole records of a journal. After damage it continues at the next whole record, wherever that begins.
 *
 * A crash or a power cut leaves the first part of a frame, or zeros in its place, at the end of a journal. That
 * record was never acknowledged, so it does not count as damage.
 */
export function readFrames(journal: Uint8Array): Frames {
  const records: Uint8Array[] = []
  const damage: Damage[] = []
  let at = 0
  while (at < journal.length) {
    const next = nextFrame(journal, at)
    if (!next && isUnfinished(journal, at)) break
    const from = next?.from ?? journal.length
    if (from > at) damage.push({ recordsBefore: records.length, bytes: from - at })
    if (next) records.push(next.record)
    at = next?.to ?? journal.length
  }
  return { records, damage, end: at }
}

interface PlacedFrame {
  from: number
  to: number
  record: Uint8Array
}

/** Finds the first whole frame at or after a position. */
function nextFrame(journal: Uint8Array, position: number): PlacedFrame | undefined {
  for (let from = position; ; from++) {
    from = journal.indexOf(mark[0], from)
    if (from < 0) return undefined
    const length = recordLength(journal, from)
    if (length === undefined || length > journal.length - from - headerSize) continue
    const to = from + headerSize + length
    const record = journal.subarray(from + headerSize, to)
    if (viewOf(journal).getUint32(from + 12, true) === crc32(0, record)) return { from, to, record }
  }
}

/** The length of the record according to a valid header; `undefined` if there is no valid header. */
function recordLength(journal: Uint8Array, at: number): number | undefined {
  if (at + headerSize > journal.length || mark.some((byte, i) => journal[at + i] !== byte)) return undefined
  const view = viewOf(journal)
  if (view.getUint32(at + 16, true) !== crc32(0, journal.subarray(at, at + 16))) return undefined
  return view.getUint32(at + 8, true)
}

/** Whether an unfinished append explains the rest of a journal. */
function isUnfinished(journal: Uint8Array, at: number): boolean {
  const rest = journal.subarray(at)
  if (rest.every((byte) => byte === 0)) return true
  if (rest.length < headerSize) return rest.subarray(0, mark.length).every((byte, i) => byte === mark[i])
  const length = recordLength(journal, at)
  return length !== undefined && length > rest.length - headerSize
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}
