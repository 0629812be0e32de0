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
import type { Dice } from './mutate.ts'

/**
 * Returns a PNG file of any kind with valid checksums and errors in one to three of its layers: the header, the rows, their
 * compression, the chunks.
 */
export function anyPng(dice: Dice): Uint8Array {
  const picture = anyPicture(dice)
  const wrong = Array.from({ length: dice.of([0, 1, 1, 1, 2, 3]) }, () => dice.roll(4))
  const rows = wrong.includes(0) ? withWrongRows(filteredRows(picture), dice) : filteredRows(picture)
  const stream = wrong.includes(1) ? damagedStream(compressed(rows, dice), dice) : compressed(rows, dice)
  const said = wrong.includes(2) ? withWrongHeader(picture, dice) : picture
  const chunks = [...pngHead(said), ...pixelChunks(stream, dice), pngChunk('IEND')]
  return pngFile(...(wrong.includes(3) ? withWrongChunks(chunks, dice) : chunks))
}

function anyPicture(dice: Dice): PngPicture {
  const { colour, depth } = dice.of(kinds)
  const most = dice.of([4, 9, 40])
  const [width, height] = [1 + dice.roll(most), 1 + dice.roll(most)]
  const values = dice.of([1, 2, 2 ** depth])
  return {
    ...{ width, height, colour, depth, isInterlaced: dice.roll(2) === 0 },
    samples: Array.from({ length: width * height * channelsOf[colour] }, () => dice.roll(values)),
    ...(colour === 3 || dice.roll(10) === 0 ? { palette: bytes(3 * (1 + dice.roll(2 ** depth)), dice) } : {}),
    ...(dice.roll(3) === 0 ? { transparency: bytes(dice.of([0, 1, 2, 6, 16]), dice) } : {}),
    filterOf: () => dice.roll(5),
  }
}

function bytes(length: number, dice: Dice): Uint8Array {
  return Uint8Array.from({ length }, () => dice.of([0, 1, 255, dice.roll(256)]))
}

/** Changes a filter or a byte of the rows, or their number: too few, too many, sometimes far too many. */
function withWrongRows(rows: Uint8Array, dice: Dice): Uint8Array {
  const made = rows.slice()
  switch (dice.roll(4)) {
    case 0:
      made[0] = dice.roll(256)
      return made
    case 1:
      made[dice.roll(made.length)] = dice.roll(256)
      return made
    case 2:
      return made.subarray(0, dice.roll(made.length + 1))
    default: {
      const more = dice.roll(100) === 0 ? dice.of([2 ** 20, 2 ** 24]) : dice.of([1, 2, 1000, 70_000])
      return new Uint8Array(Buffer.concat([made, new Uint8Array(more)]))
    }
  }
}

const strategies = [zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED]

/** Compresses in one of the ways that encoders use. */
function compressed(rows: Uint8Array, dice: Dice): Uint8Array {
  const options = {
    level: dice.of([0, 1, 6, 9]),
    strategy: dice.of(strategies),
    memLevel: dice.of([1, 8]),
    windowBits: dice.of([9, 15]),
  }
  return new Uint8Array(deflateSync(rows, options))
}

function damagedStream(stream: Uint8Array, dice: Dice): Uint8Array {
  const made = stream.slice()
  switch (dice.roll(6)) {
    case 0:
      return made.subarray(0, dice.roll(made.length + 1))
    case 1:
      return made.subarray(dice.of([1, 2, 3]))
    case 2:
      return new Uint8Array(Buffer.concat([made, bytes(dice.of([1, 4, 5000]), dice)]))
    case 3:
      return new Uint8Array(deflateRawSync(made))
    case 4:
      // The beginning of the stream and of its first block, which contains the code tables.
      for (let times = dice.of([1, 2, 8]); times > 0; times--)
        made[dice.roll(40) % made.length] = dice.roll(256)
      return made
    default:
      for (let times = dice.of([1, 1, 4]); times > 0; times--)
        made[dice.roll(made.length)] ^= 1 << dice.roll(8)
      return made
  }
}

/** Splits the stream into chunks at arbitrary bytes; some chunks are empty. */
function pixelChunks(stream: Uint8Array, dice: Dice): Uint8Array[] {
  // At most some thousand chunks.
  const most = Math.max(dice.of([1, 7, 100, stream.length, stream.length]), stream.length >> 12)
  const chunks: Uint8Array[] = []
  for (let at = 0; at < stream.length; ) {
    const length = dice.roll(20) === 0 ? 0 : 1 + dice.roll(most)
    chunks.push(pngChunk('IDAT', stream.subarray(at, at + length)))
    at += length
  }
  return chunks
}

/** Returns a picture whose header does not match its pixels. */
function withWrongHeader(picture: PngPicture, dice: Dice): PngPicture {
  const size = dice.of([0, 1, 2, 41, 5000, 500_000, 2 ** 31, 2 ** 32 - 1])
  return dice.of<PngPicture>([
    { ...picture, width: size },
    { ...picture, height: size },
    { ...picture, ...dice.of(kinds) },
    { ...picture, depth: dice.of([0, 1, 2, 3, 4, 8, 16, 32, 255]) },
    { ...picture, colour: dice.roll(8) as PngPicture['colour'] },
    { ...picture, isInterlaced: !picture.isInterlaced },
    { ...picture, palette: bytes(dice.of([0, 1, 3, 767, 900]), dice) },
    { ...picture, transparency: bytes(dice.of([0, 1, 2, 5, 256, 900]), dice) },
  ])
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
function withWrongChunks(chunks: Uint8Array[], dice: Dice): Uint8Array[] {
  const at = dice.roll(chunks.length)
  const made = chunks.slice()
  const content = made[at].slice(8, -4)
  switch (dice.roll(5)) {
    case 0:
      made.splice(at, 1)
      break
    case 1:
      made.splice(at, 0, made[dice.roll(made.length)])
      break
    case 2:
      made.splice(dice.roll(made.length), 0, ...made.splice(at, 1))
      break
    case 3:
      made[at] = pngChunk(dice.of(types), content)
      break
    default:
      made.splice(at, 0, pngChunk(dice.of(types), bytes(dice.of([0, 1, 4, 13, 26, 300]), dice)))
  }
  return made
}
