import { crc32 } from 'node:zlib'
import { zlibSync } from 'fflate'

/** The colour types of PNG and their number of samples per pixel. */
export const channelsOf = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 } as const
export type ColourType = keyof typeof channelsOf

/** All colour types with the bit depths that the specification allows. */
export const kinds: { colour: ColourType; depth: number }[] = [
  ...[1, 2, 4, 8, 16].map((depth) => ({ colour: 0 as const, depth })),
  ...[8, 16].map((depth) => ({ colour: 2 as const, depth })),
  ...[1, 2, 4, 8].map((depth) => ({ colour: 3 as const, depth })),
  ...[8, 16].flatMap((depth) => [
    { colour: 4 as const, depth },
    { colour: 6 as const, depth },
  ]),
]

/** A picture with the properties of a PNG file. */
export interface PngPicture {
  width: number
  height: number
  colour: ColourType
  depth: number
  isInterlaced?: boolean
  /** Samples in row-major order, of `depth` bits each. */
  samples: ArrayLike<number>
  palette?: Uint8Array
  transparency?: Uint8Array
  /** The number of the filter of each row. Default: no filter. */
  filterOf?: (row: number) => number
}

/** A chunk with its length and its checksum. */
export function pngChunk(type: string, data: ArrayLike<number> = []): Uint8Array {
  const made = Buffer.alloc(data.length + 12)
  made.writeUInt32BE(data.length, 0)
  made.write(type, 4, 'latin1')
  made.set(data, 8)
  made.writeUInt32BE(crc32(made.subarray(4, -4)), made.length - 4)
  return new Uint8Array(made)
}

const pngSignature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)

/** The chunk IHDR. */
export function pngHeader({ width, height, colour, depth, isInterlaced }: PngPicture): Uint8Array {
  const data = Buffer.alloc(13)
  data.writeUInt32BE(width, 0)
  data.writeUInt32BE(height, 4)
  data.set([depth, colour, 0, 0, isInterlaced ? 1 : 0], 8)
  return pngChunk('IHDR', data)
}

/** The chunks before the pixels. */
export function pngHead(picture: PngPicture): Uint8Array[] {
  const { palette, transparency } = picture
  return [
    pngHeader(picture),
    ...(palette ? [pngChunk('PLTE', palette)] : []),
    ...(transparency ? [pngChunk('tRNS', transparency)] : []),
  ]
}

/** Assembles a PNG file from chunks. */
export function pngFile(...chunks: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat([pngSignature, ...chunks]))
}

/** Encodes a picture as a PNG file with one IDAT chunk. */
export function encodePng(picture: PngPicture): Uint8Array {
  return pngFile(
    ...pngHead(picture),
    pngChunk('IDAT', zlibSync(filteredRows(picture), { level: 6 })),
    pngChunk('IEND'),
  )
}

/** Adam7: first column and row of each of the seven passes, and the steps between its pixels. */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
]

/** The filtered rows of a picture, each preceded by its filter number, pass by pass. */
export function filteredRows(picture: PngPicture): Uint8Array {
  const { width, height, colour, depth, samples, isInterlaced, filterOf = () => 0 } = picture
  const channels = channelsOf[colour]
  const bytesApart = Math.max(1, (channels * depth) >> 3)
  const rows: Uint8Array[] = []
  for (const [left, top, across, down] of isInterlaced ? adam7 : [[0, 0, 1, 1]]) {
    const columns = Math.ceil((width - left) / across)
    let previous: Uint8Array | undefined
    if (columns <= 0) continue
    for (let y = top; y < height; y += down) {
      const row = new Uint8Array(Math.ceil((columns * channels * depth) / 8))
      for (let i = 0; i < columns * channels; i++) {
        const x = left + Math.floor(i / channels) * across
        const sample = samples[(y * width + x) * channels + (i % channels)]
        if (depth === 16) row.set([sample >> 8, sample & 255], 2 * i)
        else row[(i * depth) >> 3] |= sample << (8 - depth - ((i * depth) & 7))
      }
      rows.push(filtered(filterOf(rows.length), row, previous ?? new Uint8Array(row.length), bytesApart))
      previous = row
    }
  }
  return new Uint8Array(Buffer.concat(rows))
}

/** Filters a row and prepends the filter number (PNG specification, section 9). */
function filtered(filter: number, row: Uint8Array, above: Uint8Array, bytesApart: number): Uint8Array {
  const made = new Uint8Array(row.length + 1)
  made[0] = filter
  for (let i = 0; i < row.length; i++) {
    const a = i < bytesApart ? 0 : row[i - bytesApart]
    const b = above[i]
    const c = i < bytesApart ? 0 : above[i - bytesApart]
    made[i + 1] = row[i] - ([0, a, b, (a + b) >> 1, paeth(a, b, c)][filter] ?? 0)
  }
  return made
}

function paeth(a: number, b: number, c: number): number {
  const estimate = a + b - c
  const [fromA, fromB, fromC] = [a, b, c].map((value) => Math.abs(estimate - value))
  if (fromA <= fromB && fromA <= fromC) return a
  return fromB <= fromC ? b : c
}
