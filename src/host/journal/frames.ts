import { crc32 } from '../../core/crc32.ts'

// A frame is what a record looks like in a journal: 8 bytes that mark its beginning, the record's length and its
// checksum, the checksum of these 16 bytes, then the record. Integers have 32 bits, the least significant byte first.

/** No text begins like this, and a transfer that changes line ends breaks it. The last byte but one is the version. */
const mark = Uint8Array.of(0x93, 0x53, 0x4d, 0x52, 0x0d, 0x0a, 1, 0x0a)
const headerSize = 20

/** A part of a journal that is no whole record. */
export interface Damage {
  /** How many whole records come before it. */
  recordsBefore: number
  /** How long it is. */
  bytes: number
}

/** What a journal holds. */
export interface Frames {
  /** The whole records, in their order. */
  records: Uint8Array[]
  /** What lies between them and behind the last one, but for what an append that was never finished leaves. */
  damage: Damage[]
  /** Where the next record belongs: what lies behind it is an append that was never finished. */
  end: number
}

/** A record as a journal holds it. */
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
 * The whole records of a journal. Behind damage it goes on at the next whole record, wherever that begins.
 *
 * At the end of a journal a crash or a power cut leaves the first part of a frame, or zeros in its place. That record was
 * never acknowledged, and it is not counted as damage.
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

/** The first whole frame that begins at a position or behind it. */
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

/** What a sound header says of the length of its record; nothing where there is no sound header. */
function recordLength(journal: Uint8Array, at: number): number | undefined {
  if (at + headerSize > journal.length || mark.some((byte, i) => journal[at + i] !== byte)) return undefined
  const view = viewOf(journal)
  if (view.getUint32(at + 16, true) !== crc32(0, journal.subarray(at, at + 16))) return undefined
  return view.getUint32(at + 8, true)
}

/** Whether an append that was never finished explains the rest of a journal. */
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
