import { zlibSync } from 'fflate'
import { crc32 } from '../../core/crc32.ts'
import type { RawImage } from '../image-input.ts'
import { GREY, RGB, RGBA } from './png-chunks.ts'

/** The colour type of pixels, by their number of channels. */
const colours: Record<RawImage['channels'], number> = { 1: GREY, 3: RGB, 4: RGBA }

/** Encodes pixels as a PNG file with 8 bits per sample. The same pixels give the same bytes on every host. */
export function encodePng({ data, width, height, channels }: RawImage): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(13)
  const view = new DataView(header.buffer)
  view.setUint32(0, width)
  view.setUint32(4, height)
  header.set([8, colours[channels]], 8)
  return join([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    chunk('IDAT', zlibSync(differences(data, width * channels, channels))),
    chunk('IEND', new Uint8Array(0)),
  ])
}

const SUB = 1

/**
 * The rows as differences to the pixel on the left (filter type Sub), which compress better than photographs
 * themselves.
 *
 * @param length bytes of a row
 */
function differences(data: RawImage['data'], length: number, channels: number): Uint8Array {
  const height = data.length / length
  const rows = new Uint8Array(height * (length + 1))
  for (let y = 0, from = 0, to = 0; y < height; y++) {
    rows[to++] = SUB
    for (let i = 0; i < length; i++, from++)
      rows[to++] = data[from] - (i < channels ? 0 : data[from - channels])
  }
  return rows
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

function join(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    file.set(part, at)
    at += part.length
  }
  return file
}
