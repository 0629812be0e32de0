import { deflateRawSync, deflateSync, constants as zlib } from 'node:zlib'
import {
  channelsOf,
  filteredRows,
  kinds,
  type PngPicture,
  pngChunk,
  pngFile,
  pngHead,
} from '../support/png-file.ts'
import type { SeededRandom } from '../support/random.ts'

/**
 * Returns a PNG file of any kind with valid checksums and errors in one to three of its layers: the header, the rows,
 * their compression, the chunks.
 */
export function anyPng(random: SeededRandom): Uint8Array {
  const picture = anyPicture(random)
  const wrong = Array.from({ length: random.pick(0, 1, 1, 1, 2, 3) }, () => random.below(4))
  const rows = wrong.includes(0) ? withWrongRows(filteredRows(picture), random) : filteredRows(picture)
  const stream = wrong.includes(1)
    ? damagedStream(compressed(rows, random), random)
    : compressed(rows, random)
  const said = wrong.includes(2) ? withWrongHeader(picture, random) : picture
  const chunks = [...pngHead(said), ...pixelChunks(stream, random), pngChunk('IEND')]
  return pngFile(...(wrong.includes(3) ? withWrongChunks(chunks, random) : chunks))
}

function anyPicture(random: SeededRandom): PngPicture {
  const { colour, depth } = random.pick(...kinds)
  const most = random.pick(4, 9, 40)
  const [width, height] = [1 + random.below(most), 1 + random.below(most)]
  const values = random.pick(1, 2, 2 ** depth)
  return {
    ...{ width, height, colour, depth, isInterlaced: random.below(2) === 0 },
    samples: Array.from({ length: width * height * channelsOf[colour] }, () => random.below(values)),
    ...(colour === 3 || random.below(10) === 0
      ? { palette: bytes(3 * (1 + random.below(2 ** depth)), random) }
      : {}),
    ...(random.below(3) === 0 ? { transparency: bytes(random.pick(0, 1, 2, 6, 16), random) } : {}),
    filterOf: () => random.below(5),
  }
}

function bytes(length: number, random: SeededRandom): Uint8Array {
  return Uint8Array.from({ length }, () => random.pick(0, 1, 255, random.below(256)))
}

/** Changes a filter or a byte of the rows, or their number: too few, too many, sometimes far too many. */
function withWrongRows(rows: Uint8Array, random: SeededRandom): Uint8Array {
  const made = rows.slice()
  switch (random.below(4)) {
    case 0:
      made[0] = random.below(256)
      return made
    case 1:
      made[random.below(made.length)] = random.below(256)
      return made
    case 2:
      return made.subarray(0, random.below(made.length + 1))
    default: {
      const more = random.below(100) === 0 ? random.pick(2 ** 20, 2 ** 24) : random.pick(1, 2, 1000, 70_000)
      return new Uint8Array(Buffer.concat([made, new Uint8Array(more)]))
    }
  }
}

const strategies = [zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED]

/** Compresses in one of the ways that encoders use. */
function compressed(rows: Uint8Array, random: SeededRandom): Uint8Array {
  const options = {
    level: random.pick(0, 1, 6, 9),
    strategy: random.pick(...strategies),
    memLevel: random.pick(1, 8),
    windowBits: random.pick(9, 15),
  }
  return new Uint8Array(deflateSync(rows, options))
}

function damagedStream(stream: Uint8Array, random: SeededRandom): Uint8Array {
  const made = stream.slice()
  switch (random.below(6)) {
    case 0:
      return made.subarray(0, random.below(made.length + 1))
    case 1:
      return made.subarray(random.pick(1, 2, 3))
    case 2:
      return new Uint8Array(Buffer.concat([made, bytes(random.pick(1, 4, 5000), random)]))
    case 3:
      return new Uint8Array(deflateRawSync(made))
    case 4:
      // The beginning of the stream and of its first block, which contains the code tables.
      for (let times = random.pick(1, 2, 8); times > 0; times--)
        made[random.below(40) % made.length] = random.below(256)
      return made
    default:
      for (let times = random.pick(1, 1, 4); times > 0; times--)
        made[random.below(made.length)] ^= 1 << random.below(8)
      return made
  }
}

/** Splits the stream into chunks at arbitrary bytes; some chunks are empty. */
function pixelChunks(stream: Uint8Array, random: SeededRandom): Uint8Array[] {
  // At most some thousand chunks.
  const most = Math.max(random.pick(1, 7, 100, stream.length, stream.length), stream.length >> 12)
  const chunks: Uint8Array[] = []
  for (let at = 0; at < stream.length; ) {
    const length = random.below(20) === 0 ? 0 : 1 + random.below(most)
    chunks.push(pngChunk('IDAT', stream.subarray(at, at + length)))
    at += length
  }
  return chunks
}

/** Returns a picture whose header does not match its pixels. */
function withWrongHeader(picture: PngPicture, random: SeededRandom): PngPicture {
  const size = random.pick(0, 1, 2, 41, 5000, 500_000, 2 ** 31, 2 ** 32 - 1)
  return random.pick<PngPicture>(
    { ...picture, width: size },
    { ...picture, height: size },
    { ...picture, ...random.pick(...kinds) },
    { ...picture, depth: random.pick(0, 1, 2, 3, 4, 8, 16, 32, 255) },
    { ...picture, colour: random.below(8) as PngPicture['colour'] },
    { ...picture, isInterlaced: !picture.isInterlaced },
    { ...picture, palette: bytes(random.pick(0, 1, 3, 767, 900), random) },
    { ...picture, transparency: bytes(random.pick(0, 1, 2, 5, 256, 900), random) },
  )
}

const types = [
  'IHDR',
  'PLTE',
  'tRNS',
  'IDAT',
  'IEND',
  'acTL',
  'fcTL',
  'fdAT',
  'sBIT',
  'CgBI',
  'tEXt',
  'a?!\0',
]

/** Removes, doubles, moves, retypes or adds chunks. */
function withWrongChunks(chunks: Uint8Array[], random: SeededRandom): Uint8Array[] {
  const at = random.below(chunks.length)
  const made = chunks.slice()
  const content = made[at].slice(8, -4)
  switch (random.below(5)) {
    case 0:
      made.splice(at, 1)
      break
    case 1:
      made.splice(at, 0, made[random.below(made.length)])
      break
    case 2:
      made.splice(random.below(made.length), 0, ...made.splice(at, 1))
      break
    case 3:
      made[at] = pngChunk(random.pick(...types), content)
      break
    default:
      made.splice(at, 0, pngChunk(random.pick(...types), bytes(random.pick(0, 1, 4, 13, 26, 300), random)))
  }
  return made
}
