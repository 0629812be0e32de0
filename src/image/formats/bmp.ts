import type { RawImage } from '../image-input.ts'
import { checkArea } from '../limits.ts'

/** Compression methods of BMP. */
const RGB = 0
const RLE8 = 1
const RLE4 = 2
const BITFIELDS = 3
const ALPHA_BITFIELDS = 6

interface BmpHeader {
  width: number
  height: number
  isTopDown: boolean
  bits: number
  compression: number
  /** Offset of the pixels. */
  from: number
  palette: Uint32Array
  /** Bit masks of red, green, blue and alpha in pixels of 16 or 32 bits. */
  masks: number[]
}

/**
 * Decodes a BMP file of any version: 1, 4, 8, 16, 24 or 32 bits, with a palette, bit fields or run-length encoding.
 *
 * @returns RGBA with the file's alpha
 * @throws {Error} with a message that says what is wrong with the file
 */
export function decodeBmp(bytes: Uint8Array): RawImage {
  const header = readHeader(bytes)
  const { width, height, bits, compression, palette } = header
  const isRunLength = compression === RLE8 || compression === RLE4
  const stride = isRunLength ? width : Math.ceil((width * bits) / 32) * 4
  if (!isRunLength && header.from + stride * height > bytes.length) throw truncated(bytes)
  const data = isRunLength ? runs(bytes, header) : bytes.subarray(header.from)
  const pixelAt = bits <= 8 ? byPalette(isRunLength ? 8 : bits, palette) : byMasks(bits, header.masks)
  const pixels = new Uint32Array(width * height)
  for (let y = 0; y < height; y++) {
    const row = (header.isTopDown ? y : height - 1 - y) * stride
    for (let x = 0; x < width; x++) pixels[y * width + x] = pixelAt(data, row, x)
  }
  return { data: new Uint8ClampedArray(pixels.buffer), width, height, channels: 4 }
}

function readHeader(bytes: Uint8Array): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 26) throw truncated(bytes)
  const size = view.getUint32(14, true)
  const isOld = size === 12
  if ((!isOld && size < 40) || 14 + size > bytes.length) {
    throw new Error(`it is damaged (its header says that it is ${size} bytes long)`)
  }
  const width = isOld ? view.getUint16(18, true) : view.getInt32(18, true)
  const signedHeight = isOld ? view.getUint16(20, true) : view.getInt32(22, true)
  const height = Math.abs(signedHeight)
  checkArea(width, height)
  const bits = view.getUint16(isOld ? 24 : 28, true)
  const compression = isOld ? RGB : view.getUint32(30, true)
  checkMethod(bits, compression)
  const hasFields = compression === BITFIELDS || compression === ALPHA_BITFIELDS
  // Version 3 has the masks after its header, later versions have them in it.
  const fields = hasFields && size < 52 ? (compression === ALPHA_BITFIELDS ? 16 : 12) : 0
  const start = 14 + size + fields
  if (start > bytes.length) throw truncated(bytes)
  const colours = isOld ? 0 : view.getUint32(46, true)
  const entry = isOld ? 3 : 4
  const count =
    bits > 8 ? 0 : Math.min(colours || 2 ** bits, 2 ** bits, Math.floor((bytes.length - start) / entry))
  return {
    ...{ width, height, bits, compression, isTopDown: signedHeight < 0 },
    from: view.getUint32(10, true),
    palette: Uint32Array.from({ length: 256 }, (_, i) => {
      const at = start + i * entry
      return i < count ? opaque(bytes[at + 2], bytes[at + 1], bytes[at]) : 0xff000000
    }),
    masks: hasFields ? readMasks(view, size) : defaultMasks(bits),
  }
}

function checkMethod(bits: number, compression: number): void {
  const isKnown =
    (compression === RGB && [1, 4, 8, 16, 24, 32].includes(bits)) ||
    (compression === RLE8 && bits === 8) ||
    (compression === RLE4 && bits === 4) ||
    ((compression === BITFIELDS || compression === ALPHA_BITFIELDS) && (bits === 16 || bits === 32))
  if (!isKnown)
    throw new Error(`it has ${bits} bits a pixel, packed by method ${compression}, which is not supported`)
}

function readMasks(view: DataView, size: number): number[] {
  const hasAlpha = size >= 56 || (size < 52 && view.getUint32(30, true) === ALPHA_BITFIELDS)
  return [54, 58, 62, 66].map((at, i) => (i < 3 || hasAlpha ? view.getUint32(at, true) : 0))
}

/** The fourth byte of 32-bit pixels without bit fields has no meaning. */
function defaultMasks(bits: number): number[] {
  return bits === 16 ? [0x7c00, 0x3e0, 0x1f, 0] : [0xff0000, 0xff00, 0xff, 0]
}

type PixelAt = (data: Uint8Array, row: number, x: number) => number

function byPalette(bits: number, palette: Uint32Array): PixelAt {
  const most = 2 ** bits - 1
  return (data, row, x) => palette[(data[row + ((x * bits) >> 3)] >> (8 - bits - ((x * bits) & 7))) & most]
}

function byMasks(bits: number, masks: number[]): PixelAt {
  const bytes = bits / 8
  if (bits > 16 && masks.join() === defaultMasks(bits).join()) {
    return (data, row, x) =>
      opaque(data[row + x * bytes + 2], data[row + x * bytes + 1], data[row + x * bytes])
  }
  const [red, green, blue, alpha] = masks.map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask)
    const most = mask >>> shift
    // Rounded down, as in Pillow.
    return (value: number) => (most === 0 ? 0 : Math.floor((((value & mask) >>> shift) * 255) / most))
  })
  const hasAlpha = masks[3] !== 0
  return (data, row, x) => {
    let value = 0
    for (let i = 0; i < bytes; i++) value |= data[row + x * bytes + i] << (8 * i)
    const colour = opaque(red(value), green(value), blue(value))
    return hasAlpha ? ((colour & 0xffffff) | (alpha(value) << 24)) >>> 0 : colour
  }
}

function opaque(red: number, green: number, blue: number): number {
  return (red | (green << 8) | (blue << 16) | 0xff000000) >>> 0
}

/** Decodes run-length encoded palette indices to one byte each. Pixels that are skipped have index 0. */
function runs(bytes: Uint8Array, { from, width, height, compression }: BmpHeader): Uint8Array {
  // Two bytes encode at most 255 pixels; some pixels may be skipped.
  if (width * height > 2 ** 20 + bytes.length * 1024) throw truncated(bytes)
  const indices = new Uint8Array(width * height)
  const isNibbles = compression === RLE4
  let x = 0
  let y = 0
  const put = (index: number) => {
    if (x < width && y < height) indices[y * width + x] = index
    x++
  }
  for (let at = from; ; ) {
    if (at + 2 > bytes.length) throw truncated(bytes)
    const count = bytes[at]
    const value = bytes[at + 1]
    at += 2
    if (count > 0) {
      for (let i = 0; i < count; i++) put(isNibbles ? (i % 2 === 0 ? value >> 4 : value & 15) : value)
    } else if (value === 0) {
      x = 0
      y++
    } else if (value === 1) return indices
    else if (value === 2) {
      if (at + 2 > bytes.length) throw truncated(bytes)
      x += bytes[at]
      y += bytes[at + 1]
      at += 2
    } else {
      const length = isNibbles ? (value + 1) >> 1 : value
      if (at + length > bytes.length) throw truncated(bytes)
      for (let i = 0; i < value; i++) {
        const byte = bytes[at + (isNibbles ? i >> 1 : i)]
        put(isNibbles ? (i % 2 === 0 ? byte >> 4 : byte & 15) : byte)
      }
      // Literal bytes are padded to whole words.
      at += length + (length & 1)
    }
  }
}

function truncated(bytes: Uint8Array): Error {
  return new Error(`it is truncated (it ends at byte ${bytes.length}, before its last pixel)`)
}
