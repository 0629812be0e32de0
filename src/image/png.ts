import decode, { init } from '@jsquash/png/decode.js'
import { codecFault, codecModule } from '../host/modules/codecs.ts'
import type { RawImage } from './image-input.ts'
import { checkArea } from './limits.ts'

let ready: Promise<void> | undefined

/**
 * Decodes a PNG file of any colour type and bit depth. 16-bit channels are reduced to their upper 8 bits. Of
 * an animation only the first image is decoded.
 *
 * @returns RGBA with the file's alpha
 * @throws {Error} with a message that says what is wrong with the file
 */
export async function decodePng(bytes: Uint8Array): Promise<RawImage> {
  const needed = withoutText(bytes, checkChunks(bytes))
  await (ready ??= start().catch(forget))
  try {
    const image = await decode(needed as unknown as ArrayBuffer)
    return { data: image.data, width: image.width, height: image.height, channels: 4 }
  } catch (cause) {
    throw new Error('its compressed pixels are damaged', { cause })
  }
}

async function start(): Promise<void> {
  const module = await codecModule('png')
  try {
    await init(module)
  } catch (cause) {
    throw await codecFault('png', cause)
  }
}

/** Discards a failed start, so that the next image retries it. */
function forget(error: unknown): never {
  ready = undefined
  throw error
}

/** Chunks that do not affect pixels and can expand a thousandfold or hold any number of texts. */
const texts = new Set(['tEXt', 'zTXt', 'iTXt', 'iCCP', 'eXIf'])

/** Byte range of a chunk in the file. */
type Chunk = [from: number, to: number]

/** Removes texts and the colour profile, which the decoder would otherwise decompress and keep. */
function withoutText(bytes: Uint8Array, chunks: Chunk[]): Uint8Array {
  if (chunks.length === 0) return bytes
  const made = new Uint8Array(bytes.length)
  let length = 0
  let from = 0
  for (const [start, end] of [...chunks, [bytes.length, bytes.length] as Chunk]) {
    made.set(bytes.subarray(from, start), length)
    length += start - from
    from = end
  }
  return made.subarray(0, length)
}

/**
 * Checks that all chunks of a PNG file (PNG specification, section 5) are complete and intact. The decoder
 * checks this too, but on failure it leaks memory and does not report the reason.
 *
 * @returns the chunks that are not needed
 */
function checkChunks(bytes: Uint8Array): Chunk[] {
  const needless: Chunk[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 8
  for (;;) {
    if (at + 12 > bytes.length)
      throw new Error(`it is truncated (it ends at byte ${bytes.length}, within a chunk)`)
    const length = view.getUint32(at)
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    const end = at + 12 + length
    if (end > bytes.length) {
      throw new Error(
        `it is truncated (chunk ${type} needs bytes up to ${end}, the file ends at ${bytes.length})`,
      )
    }
    if (crc32(bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4)) {
      throw new Error(`it is damaged (the checksum of chunk ${type} at byte ${at} is wrong)`)
    }
    if (at === 8) {
      if (type !== 'IHDR' || length !== 13)
        throw new Error('it is damaged (it does not begin with chunk IHDR)')
      checkArea(view.getUint32(16), view.getUint32(20))
    }
    if (type === 'IEND') return needless
    if (texts.has(type)) needless.push([at, end])
    at = end
  }
}

const crcTable = new Uint32Array(256).map((_, n) => {
  let c = n
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
  return c
})

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (let i = 0; i < bytes.length; i++) crc = crcTable[(crc ^ bytes[i]) & 255] ^ (crc >>> 8)
  return ~crc >>> 0
}
