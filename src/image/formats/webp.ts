import type { RawImage } from '../image-input.ts'
import { checkArea, checkCanvas } from '../limits.ts'
import { JsquashDecoder } from './jsquash-decoder.ts'

const decoder = new JsquashDecoder('webp', () => import('@jsquash/webp/decode.js'))

/**
 * Decodes a WebP file with libwebp. Of an animation only the first image is decoded; the parts of the canvas outside it
 * are transparent.
 *
 * @returns RGBA
 * @throws {Error} with a message that says what is wrong with the file
 */
export async function decodeWebp(bytes: Uint8Array): Promise<RawImage> {
  const chunks = readChunks(bytes, 12, bytes.length)
  const extended = chunks.find(({ type }) => type === 'VP8X')?.content
  const frame = chunks.find(({ type }) => type === 'ANMF')?.content
  if (!frame || !extended) {
    checkSize(chunks)
    return decoder.decode(bytes)
  }
  if (frame.length < 16 || extended.length < 10) throw new Error('it is damaged (a chunk is too short)')
  const [left, top] = [2 * uint24(frame, 0), 2 * uint24(frame, 3)]
  const parts = readChunks(frame, 16, frame.length)
  const size = { width: 1 + uint24(frame, 6), height: 1 + uint24(frame, 9) }
  checkArea(size.width, size.height)
  const still = stillFile(size, parts)
  checkSize(readChunks(still, 12, still.length))
  const image = await decoder.decode(still)
  return onCanvas(image, left, top, 1 + uint24(extended, 4), 1 + uint24(extended, 7))
}

interface Chunk {
  type: string
  /** The whole chunk, padded to an even length. */
  whole: Uint8Array
  content: Uint8Array
}

/** Reads RIFF chunks. @throws {Error} if one of them is truncated */
function readChunks(bytes: Uint8Array, from: number, to: number): Chunk[] {
  const chunks: Chunk[] = []
  for (let at = from; at + 8 <= to; ) {
    const type = String.fromCharCode(...bytes.subarray(at, at + 4))
    const length = uint24(bytes, at + 4) + bytes[at + 7] * 2 ** 24
    const end = at + 8 + length
    if (end > to)
      throw new Error(`it is truncated (it ends at byte ${bytes.length}, within chunk ${type.trim()})`)
    const next = end + (length & 1)
    chunks.push({ type, whole: bytes.subarray(at, next), content: bytes.subarray(at + 8, end) })
    at = next
  }
  return chunks
}

/** Checks the size of the image in chunk VP8 (RFC 6386) or VP8L. */
function checkSize(chunks: Chunk[]): void {
  const lossy = chunks.find(({ type }) => type === 'VP8 ')?.content
  const lossless = chunks.find(({ type }) => type === 'VP8L')?.content
  if (lossy && lossy.length >= 10) {
    checkArea((lossy[6] | (lossy[7] << 8)) & 0x3fff, (lossy[8] | (lossy[9] << 8)) & 0x3fff)
  } else if (lossless && lossless.length >= 5) {
    const bits = uint24(lossless, 1) | (lossless[4] << 24)
    checkArea(1 + (bits & 0x3fff), 1 + ((bits >>> 14) & 0x3fff))
  } else throw new Error('it holds no image')
}

/** Creates a file with a single image from the parts of an animation's frame. */
function stillFile({ width, height }: { width: number; height: number }, parts: Chunk[]): Uint8Array {
  const alpha = parts.find(({ type }) => type === 'ALPH')
  const image = parts.find(({ type }) => type === 'VP8 ' || type === 'VP8L')
  if (!image) throw new Error('it holds no image')
  const about = Uint8Array.of(
    0x56,
    0x50,
    0x38,
    0x58,
    10,
    0,
    0,
    0,
    0x10,
    0,
    0,
    0,
    ...bytes24(width - 1),
    ...bytes24(height - 1),
  )
  const chunks = alpha ? [about, alpha.whole, image.whole] : [image.whole]
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 4)
  const file = new Uint8Array(8 + length)
  file.set([0x52, 0x49, 0x46, 0x46, ...bytes24(length), length >>> 24, 0x57, 0x45, 0x42, 0x50])
  let at = 12
  for (const chunk of chunks) {
    file.set(chunk, at)
    at += chunk.length
  }
  return file
}

function onCanvas(image: RawImage, left: number, top: number, width: number, height: number): RawImage {
  if (left === 0 && top === 0 && image.width === width && image.height === height) return image
  if (left + image.width > width || top + image.height > height) {
    throw new Error('it is damaged (its first image lies beyond its canvas)')
  }
  checkCanvas(width, height, image.width, image.height)
  const data = new Uint8ClampedArray(width * height * 4)
  for (let y = 0; y < image.height; y++) {
    const row = image.data.subarray(y * image.width * 4, (y + 1) * image.width * 4)
    data.set(row, ((top + y) * width + left) * 4)
  }
  return { data, width, height, channels: 4 }
}

function uint24(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16)
}

function bytes24(value: number): [number, number, number] {
  return [value & 255, (value >> 8) & 255, (value >> 16) & 255]
}
