import { crc32 } from '../../core/crc32.ts'
import { checkArea } from '../limits.ts'

/** The content of chunk IHDR. */
export interface PngHeader {
  width: number
  height: number
  /** Bits per sample. */
  depth: number
  /** One of `GREY`, `RGB`, `PALETTE`, `GREY_ALPHA`, `RGBA`. */
  colour: number
  /** Whether the rows are in the seven passes of Adam7. */
  isInterlaced: boolean
}

export const GREY = 0
export const RGB = 2
export const PALETTE = 3
export const GREY_ALPHA = 4
export const RGBA = 6

/** The bit depths of each colour type (PNG specification, section 11.2.2). */
const depths: Partial<Record<number, number[]>> = {
  [GREY]: [1, 2, 4, 8, 16],
  [RGB]: [8, 16],
  [PALETTE]: [1, 2, 4, 8],
  [GREY_ALPHA]: [8, 16],
  [RGBA]: [8, 16],
}

/** The parts of a PNG file that determine its pixels. */
export interface PngChunks {
  header: PngHeader
  /** Red, green and blue of each palette entry, if there is a palette. */
  palette?: Uint8Array
  /** Content of chunk tRNS. */
  transparency?: Uint8Array
  /** Contents of the chunks IDAT: one zlib stream, split at arbitrary bytes. */
  data: Uint8Array[]
}

/**
 * Reads the chunks of a PNG file up to its end mark. All of them must be complete and intact; texts, profiles,
 * animations and other chunks that do not affect the first image's pixels are skipped.
 *
 * @throws {Error} with a message that says what is wrong with the file
 */
export function readChunks(bytes: Uint8Array): PngChunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found: PngChunks = { header: readHeader(bytes, view), data: [] }
  let previous = ''
  for (let at = 8; ; ) {
    const { type, end } = checkChunk(bytes, view, at)
    const content = bytes.subarray(at + 8, end - 4)
    const isPixels = type === 'IDAT'
    const isEarly = found.data.length === 0
    if (isPixels) {
      if (!isEarly && previous !== 'IDAT')
        throw new Error('it is damaged (its chunks IDAT are not consecutive)')
      found.data.push(content)
    } else if (type === 'PLTE' && found.header.colour === PALETTE && isEarly) {
      if (found.palette) throw new Error('it is damaged (it has two chunks PLTE)')
      found.palette = content
    } else if (type === 'tRNS' && isEarly) {
      if (found.transparency) throw new Error('it is damaged (it has two chunks tRNS)')
      if (found.header.colour === PALETTE && !found.palette) {
        throw new Error('it is damaged (chunk tRNS comes before chunk PLTE)')
      }
      found.transparency = content
    } else if (type === 'IHDR' && at > 8) {
      throw new Error('it is damaged (it has two chunks IHDR)')
    } else if (type === 'IEND') break
    else if (isCritical(bytes[at + 4]) && type !== 'IHDR' && type !== 'PLTE') {
      throw new Error(`it has the unknown critical chunk ${type}`)
    }
    previous = type
    at = end
  }
  checkColours(found)
  return found
}

/** Checks that a chunk is complete and intact. `end` is the start of the next one. */
function checkChunk(bytes: Uint8Array, view: DataView, at: number): { type: string; end: number } {
  if (at + 12 > bytes.length) {
    throw new Error(`it is truncated (it ends at byte ${bytes.length}, within a chunk)`)
  }
  const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8)).replaceAll(/[^A-Za-z]/g, '?')
  const end = at + 12 + view.getUint32(at)
  if (end > bytes.length) {
    throw new Error(
      `it is truncated (chunk ${type} needs bytes up to ${end}, the file ends at ${bytes.length})`,
    )
  }
  if (crc32(0, bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4)) {
    throw new Error(`it is damaged (the checksum of chunk ${type} at byte ${at} is wrong)`)
  }
  return { type, end }
}

function readHeader(bytes: Uint8Array, view: DataView): PngHeader {
  const { type, end } = checkChunk(bytes, view, 8)
  if (type !== 'IHDR' || end !== 33) throw new Error('it is damaged (it does not begin with chunk IHDR)')
  const [width, height] = [view.getUint32(16), view.getUint32(20)]
  checkArea(width, height)
  const [depth, colour, compression, filter, interlace] = bytes.subarray(24, 29)
  if (!depths[colour]?.includes(depth)) {
    throw new Error(`it is damaged (no PNG has colour type ${colour} with ${depth} bits)`)
  }
  if (compression !== 0 || filter !== 0 || interlace > 1) {
    throw new Error('it is damaged (its compression, filter or interlace method is unknown)')
  }
  return { width, height, depth, colour, isInterlaced: interlace === 1 }
}

/** Whether a chunk of an unknown type is critical: the first letter of its type is upper case. */
function isCritical(letter: number): boolean {
  return (letter & 0x20) === 0
}

function checkColours({ header, palette, transparency, data }: PngChunks): void {
  if (data.length === 0) throw new Error('it is damaged (it has no chunk IDAT with pixels)')
  if (header.colour === PALETTE && !(palette && palette.length >= 3)) {
    throw new Error('it is damaged (its palette is missing)')
  }
  const needed = header.colour === GREY ? 2 : header.colour === RGB ? 6 : 0
  if (transparency && transparency.length < needed) {
    throw new Error(`it is damaged (its chunk tRNS has ${transparency.length} bytes instead of ${needed})`)
  }
}
