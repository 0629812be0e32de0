import { crc32 } from 'node:zlib'
import type { SeededRandom } from '../support/random.ts'

/** A JPEG segment or a PNG chunk. */
type Part = Uint8Array

const sizes = [0, 1, 2, 3, 8, 14, 255, 4096, 65_533]

/** Returns a picture with one to five errors in its segments or chunks; the rest of the file is valid. */
export function mutatePicture(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const isPng = bytes[0] === 0x89
  const [head, ...parts] = isPng ? chunksOf(bytes) : segmentsOf(bytes)
  for (let times = random.pick(1, 1, 2, 3, 5); times > 0; times--) {
    const at = random.below(parts.length)
    switch (random.below(6)) {
      case 0:
        parts.splice(at, 1)
        break
      case 1:
        parts.splice(
          random.below(parts.length + 1),
          0,
          ...Array(random.pick(1, 2, 300)).fill(parts[at] ?? head),
        )
        break
      case 2:
        parts.splice(random.below(parts.length + 1), 0, ...parts.splice(at, 1))
        break
      case 3: {
        const more = Array(random.pick(1, 10, 257, 2000)).fill(isPng ? anyChunk(random) : anySegment(random))
        if (more[0].length * more.length < 2 ** 20) parts.splice(random.below(parts.length + 1), 0, ...more)
        break
      }
      case 4:
        if (parts.length > 0) parts[at] = altered(parts[at], isPng, random)
        break
      default:
        parts.length = random.below(parts.length + 1)
    }
  }
  return new Uint8Array(Buffer.concat([head, ...parts]))
}

/** Splits a JPEG file into its start, its segments up to the first scan, and the rest. */
function segmentsOf(bytes: Uint8Array): Part[] {
  const parts = [bytes.subarray(0, 2)]
  let at = 2
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const end = at + 2 + bytes[at + 2] * 256 + bytes[at + 3]
    const isScan = bytes[at + 1] === 0xda
    parts.push(bytes.subarray(at, isScan ? bytes.length : end))
    if (isScan) break
    at = end
  }
  return parts
}

/** Splits a PNG file into its signature and its chunks. */
function chunksOf(bytes: Uint8Array): Part[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const parts = [bytes.subarray(0, 8)]
  for (let at = 8; at + 12 <= bytes.length; at += parts.at(-1)!.length) {
    parts.push(bytes.subarray(at, at + 12 + view.getUint32(at)))
  }
  return parts
}

function anySegment(random: SeededRandom): Part {
  const size = random.pick(...sizes)
  const marker = random.pick(
    0xe0,
    0xe1,
    0xe2,
    0xed,
    0xee,
    0xef,
    0xfe,
    0xdb,
    0xc4,
    0xdd,
    0xc0,
    0xc2,
    0xda,
    0xd9,
    0xd0,
  )
  const made = new Uint8Array(size + 4).fill(random.pick(0, 1, 0x45, 0xff), 4)
  made.set([0xff, marker, (size + 2) >> 8, (size + 2) & 255])
  return made
}

function anyChunk(random: SeededRandom): Part {
  const type = random.pick(
    'tEXt',
    'zTXt',
    'iTXt',
    'iCCP',
    'eXIf',
    'tRNS',
    'PLTE',
    'IDAT',
    'gAMA',
    'quIz',
    'acTL',
    'fcTL',
    'IHDR',
  )
  return chunk(type, new Uint8Array(random.pick(...sizes)).fill(random.below(256)))
}

function chunk(type: string, data: Uint8Array): Part {
  const made = Buffer.alloc(data.length + 12)
  made.writeUInt32BE(data.length, 0)
  made.write(type, 4, 'latin1')
  made.set(data, 8)
  made.writeUInt32BE(crc32(made.subarray(4, -4)), made.length - 4)
  return new Uint8Array(made)
}

/** Changes some bytes of a part, and updates the checksum of a chunk. */
function altered(part: Part, isPng: boolean, random: SeededRandom): Part {
  const made = part.slice()
  const from = isPng ? 4 : 1
  for (let times = random.pick(1, 2, 8); times > 0; times--) {
    const at = from + random.below(Math.min(made.length, random.pick(8, 64, 4096)) - from)
    if (at < made.length) made[at] = random.pick(0, 1, 127, 128, 255, random.below(256))
  }
  if (!isPng || made.length < 12) return made
  return chunk(String.fromCharCode(...made.subarray(4, 8)), made.subarray(8, -4))
}
