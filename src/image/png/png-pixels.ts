import { GREY, GREY_ALPHA, PALETTE, type PngChunks, type PngHeader, RGB, RGBA } from './png-chunks.ts'

/**
 * Writes the pixels of an unfiltered row as RGBA, one integer per pixel, with red in the lowest byte.
 *
 * @param count number of pixels in the row
 * @param at index of the first pixel in `pixels`
 * @param step distance between neighbours in `pixels`
 */
export type Expand = (row: Uint8Array, count: number, pixels: Uint32Array, at: number, step: number) => void

const samples: Record<number, number> = { [GREY]: 1, [RGB]: 3, [PALETTE]: 1, [GREY_ALPHA]: 2, [RGBA]: 4 }
const OPAQUE = 0xff000000

/** Number of bits per pixel in the file. */
export function bitsPerPixel({ colour, depth }: PngHeader): number {
  return samples[colour] * depth
}

/** Selects the conversion of rows to RGBA: grey is repeated, and 16-bit samples are reduced to the upper 8 bits. */
export function expander({ header: { colour, depth }, palette, transparency }: PngChunks): Expand {
  const bytes = depth === 16 ? 2 : 1
  switch (colour) {
    case GREY:
      return depth === 16 ? wideGrey(transparency) : byTable(depth, greys(depth, transparency))
    case PALETTE:
      return byTable(depth, colours(palette!, transparency))
    case RGB:
      return transparency ? rgbWithKey(bytes, transparency) : rgb(bytes)
    case GREY_ALPHA:
      return (row, count, pixels, at, step) => {
        for (let i = 0; count > 0; count--, i += 2 * bytes, at += step) {
          pixels[at] = (row[i] * 0x010101) | (row[i + bytes] << 24)
        }
      }
    default:
      return (row, count, pixels, at, step) => {
        for (let i = 0; count > 0; count--, i += 4 * bytes, at += step) {
          const [green, blue, alpha] = [i + bytes, i + 2 * bytes, i + 3 * bytes]
          pixels[at] = row[i] | (row[green] << 8) | (row[blue] << 16) | (row[alpha] << 24)
        }
      }
  }
}

/** Converts samples of at most 8 bits with a table that has the pixel for each value. */
function byTable(depth: number, table: Uint32Array): Expand {
  if (depth === 8) {
    return (row, count, pixels, at, step) => {
      for (let i = 0; i < count; i++, at += step) pixels[at] = table[row[i]]
    }
  }
  const mask = (1 << depth) - 1
  return (row, count, pixels, at, step) => {
    for (let x = 0, bit = 0; x < count; x++, bit += depth, at += step) {
      pixels[at] = table[(row[bit >> 3] >> (8 - depth - (bit & 7))) & mask]
    }
  }
}

/** The pixel for each grey value. Only the lower byte of the transparent value in chunk tRNS is used. */
function greys(depth: number, transparency: Uint8Array | undefined): Uint32Array {
  const most = (1 << depth) - 1
  return Uint32Array.from({ length: most + 1 }, (_, value) => {
    const grey = (value * 255) / most
    return value === transparency?.[1] ? grey * 0x010101 : grey * 0x010101 + OPAQUE
  })
}

/** The pixel for each palette index. Indices beyond the palette are black, as in other decoders. */
function colours(palette: Uint8Array, transparency: Uint8Array | undefined): Uint32Array {
  const count = Math.min(256, Math.floor(palette.length / 3))
  // More alpha values than palette entries mean that the chunk belongs to another palette.
  const alphas = transparency && transparency.length <= count ? transparency : []
  return Uint32Array.from({ length: 256 }, (_, index) => {
    if (index >= count) return OPAQUE
    const [red, green, blue] = palette.subarray(3 * index)
    return (red | (green << 8) | (blue << 16) | ((alphas[index] ?? 255) << 24)) >>> 0
  })
}

function wideGrey(transparency: Uint8Array | undefined): Expand {
  const key = transparency ? (transparency[0] << 8) | transparency[1] : -1
  return (row, count, pixels, at, step) => {
    for (let i = 0; count > 0; count--, i += 2, at += step) {
      const alpha = ((row[i] << 8) | row[i + 1]) === key ? 0 : OPAQUE
      pixels[at] = (row[i] * 0x010101) | alpha
    }
  }
}

function rgb(bytes: number): Expand {
  return (row, count, pixels, at, step) => {
    for (let i = 0; count > 0; count--, i += 3 * bytes, at += step) {
      pixels[at] = row[i] | (row[i + bytes] << 8) | (row[i + 2 * bytes] << 16) | OPAQUE
    }
  }
}

/** RGB with one transparent colour, that of chunk tRNS, which has two bytes per sample for any bit depth. */
function rgbWithKey(bytes: number, transparency: Uint8Array): Expand {
  const key = Array.from(transparency.subarray(0, 6)).filter((_, i) => bytes === 2 || i % 2 === 1)
  const pixel = (key[0] | (key[bytes] << 8) | (key[2 * bytes] << 16) | OPAQUE) >>> 0
  const opaque = rgb(bytes)
  return (row, count, pixels, at, step) => {
    opaque(row, count, pixels, at, step)
    for (let i = 0; count > 0; count--, i += 3 * bytes, at += step) {
      if (pixels[at] === pixel && key.every((byte, k) => row[i + k] === byte)) pixels[at] &= 0xffffff
    }
  }
}
