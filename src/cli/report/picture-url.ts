import { zlibSync } from 'fflate'
import { base64Encode } from '../../core/base64.ts'
import { crc32 } from '../../core/crc32.ts'
import { decodeImage } from '../../image/decode.ts'
import { resize } from '../../image/resize.ts'

/** The longer side of a picture in the report, in pixels. */
const SIDE = 128

/** A small copy of a picture as a data URL of a PNG file. @throws {SoftmarginError} as `decodeImage` */
export async function pictureUrl(path: string): Promise<string> {
  const image = await decodeImage(path)
  const scale = Math.min(1, SIDE / Math.max(image.width, image.height))
  const size = {
    width: Math.max(1, Math.round(image.width * scale)),
    height: Math.max(1, Math.round(image.height * scale)),
  }
  const { data } = resize(image, size, scale === 1 ? 'nearest' : 'bilinear')
  return `data:image/png;base64,${base64Encode(pngFile(data, size.width, size.height))}`
}

/** A PNG file of RGB pixels, 8 bits each, without filters. */
function pngFile(rgb: ArrayLike<number>, width: number, height: number): Uint8Array {
  const rows = new Uint8Array(height * (3 * width + 1))
  for (let y = 0; y < height; y++) {
    for (let i = 0; i < 3 * width; i++) rows[y * (3 * width + 1) + 1 + i] = rgb[y * 3 * width + i]
  }
  const header = new Uint8Array(13)
  const view = new DataView(header.buffer)
  view.setUint32(0, width)
  view.setUint32(4, height)
  header.set([8, 2], 8)
  const parts = [
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    chunk('IDAT', zlibSync(rows)),
    chunk('IEND', new Uint8Array(0)),
  ]
  const file = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    file.set(part, at)
    at += part.length
  }
  return file
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const made = new Uint8Array(data.length + 12)
  const view = new DataView(made.buffer)
  view.setUint32(0, data.length)
  made.set(new TextEncoder().encode(type), 4)
  made.set(data, 8)
  view.setUint32(data.length + 8, crc32(0, made.subarray(4, data.length + 8)))
  return made
}
