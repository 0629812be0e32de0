/**
 * Maximum number of metadata segments (APP0 to APP15 and comments) passed to the decoder, whose time grows
 * with the square of that number. Valid files with profiles, previews and extended XMP have some hundred
 * segments, none of which changes a pixel.
 */
export const MAX_METADATA_SEGMENTS = 256

/**
 * Maximum number of scans of a progressive image. Encoders produce about ten. A scan of a few bytes costs the
 * time of a whole image.
 */
export const MAX_SCANS = 100

/** Byte range of a segment in the file. */
interface Segment {
  marker: number
  from: number
  to: number
}

/** Header information of a JPEG file. */
export interface JpegSegments {
  width: number
  height: number
  /** Number of colour components. */
  components: number
  metadata: Segment[]
  /** Number of scans, counted up to `mostScans + 1`. */
  scans: number
}

/**
 * Reads the segments of a file (ITU-T T.81, B.2.2) in one pass without decoding.
 *
 * @throws {Error} for a file that is damaged or ends before its frame header
 */
export function scanSegments(bytes: Uint8Array): JpegSegments {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const metadata: Segment[] = []
  let frame: { width: number; height: number; components: number } | undefined
  let scans = 0
  let at = 2
  while (at + 4 <= bytes.length && scans <= MAX_SCANS) {
    if (bytes[at] !== 0xff) {
      if (!frame) throw new Error(`it is damaged (no segment begins at byte ${at})`)
      // Skip the entropy-coded data of a scan, up to the next marker.
      const next = bytes.indexOf(0xff, at)
      if (next < 0) break
      at = next
      continue
    }
    const marker = bytes[at + 1]
    // A marker may be preceded by any number of 0xff fill bytes.
    if (marker === 0xff) {
      at++
      continue
    }
    if (frame && marker === endOfImage) break
    // Markers without a length: a stuffed 0xff byte in a scan, or restart markers.
    if (frame && (marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8))) {
      at += 2
      continue
    }
    const to = at + 2 + view.getUint16(at + 2)
    if (isFrame(marker)) {
      if (at + 10 > bytes.length) break
      frame ??= { height: view.getUint16(at + 5), width: view.getUint16(at + 7), components: bytes[at + 9] }
    } else if (marker === startOfScan) scans++
    else if ((marker & 0xf0) === 0xe0 || marker === comment) metadata.push({ marker, from: at, to })
    at = to
  }
  if (!frame) throw new Error('it is truncated (it ends before the frame header)')
  return { ...frame, metadata, scans }
}

/**
 * Removes the metadata that the decoder does not need. Keeps the first JFIF header, EXIF block (orientation)
 * and Adobe segment (colour transform).
 */
export function withoutMetadata(bytes: Uint8Array, metadata: Segment[]): Uint8Array {
  const kept = new Set<Segment | undefined>([
    metadata.find(({ marker }) => marker === 0xe0),
    metadata.find(({ marker, from }) => marker === 0xe1 && isExif(bytes, from + 4)),
    metadata.find(({ marker }) => marker === 0xee),
  ])
  const made = new Uint8Array(bytes.length)
  let length = 0
  let from = 0
  const copy = (to: number) => {
    if (to <= from) return
    made.set(bytes.subarray(from, to), length)
    length += Math.min(to, bytes.length) - from
  }
  for (const segment of metadata) {
    if (kept.has(segment)) continue
    copy(segment.from)
    from = segment.to
  }
  copy(bytes.length)
  return made.subarray(0, length)
}

const endOfImage = 0xd9
const startOfScan = 0xda
const comment = 0xfe

/** SOF0 to SOF15, except DHT, JPG and DAC, which lie in the same range. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
}

function isExif(bytes: Uint8Array, at: number): boolean {
  return [0x45, 0x78, 0x69, 0x66, 0, 0].every((byte, i) => bytes[at + i] === byte)
}
