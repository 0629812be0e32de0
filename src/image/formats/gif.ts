import type { RawImage } from '../image-input.ts'
import { checkArea, checkCanvas } from '../limits.ts'

/**
 * Decodes the first image of a GIF file (GIF89a specification). The parts of the screen outside it are transparent.
 *
 * @returns RGBA
 * @throws {Error} with a message that says what is wrong with the file
 */
export function decodeGif(bytes: Uint8Array): RawImage {
  const reader = new Reader(bytes, 6)
  let width = reader.uint16()
  let height = reader.uint16()
  const flags = reader.byte()
  reader.take(2)
  const shared = readPalette(reader, flags)
  const { transparent } = skipToImage(reader)
  const [left, top, columns, rows] = [reader.uint16(), reader.uint16(), reader.uint16(), reader.uint16()]
  const imageFlags = reader.byte()
  const palette = readPalette(reader, imageFlags) ?? shared
  if (!palette) throw new Error('it is damaged (its palette is missing)')
  checkArea(columns, rows)
  // As in browsers, if an image is larger than the screen.
  width = Math.max(width, left + columns)
  height = Math.max(height, top + rows)
  checkCanvas(width, height, columns, rows)
  const indices = inflateLzw(reader, columns * rows)
  const pixels = new Uint32Array(width * height)
  const order = (imageFlags & 0x40) !== 0 ? interlacedRows(rows) : undefined
  for (let y = 0; y < rows; y++) {
    const to = (top + (order ? order[y] : y)) * width + left
    for (let x = 0; x < columns; x++) {
      const index = indices[y * columns + x]
      if (index !== transparent) pixels[to + x] = palette[index]
    }
  }
  return { data: new Uint8ClampedArray(pixels.buffer), width, height, channels: 4 }
}

class Reader {
  readonly #bytes: Uint8Array
  #at: number

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  /** Number of remaining bytes. */
  get left(): number {
    return this.#bytes.length - this.#at
  }

  take(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) {
      throw new Error(`it is truncated (it ends at byte ${this.#bytes.length}, before its last pixel)`)
    }
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }

  byte(): number {
    return this.take(1)[0]
  }

  uint16(): number {
    const [low, high] = this.take(2)
    return low | (high << 8)
  }

  /** A block of at most 255 bytes; an empty block ends a sequence of them. */
  block(): Uint8Array {
    return this.take(this.byte())
  }
}

/** Reads a palette of 2 to 256 colours, if the flags announce one. Colours beyond it are black. */
function readPalette(reader: Reader, flags: number): Uint32Array | undefined {
  if ((flags & 0x80) === 0) return undefined
  const count = 2 << (flags & 7)
  const colours = reader.take(3 * count)
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const [red = 0, green = 0, blue = 0] = colours.subarray(3 * i, 3 * i + 3)
    return (red | (green << 8) | (blue << 16) | 0xff000000) >>> 0
  })
}

/** Skips to the first image; returns the palette index that is transparent in it, or -1. */
function skipToImage(reader: Reader): { transparent: number } {
  let transparent = -1
  for (;;) {
    const kind = reader.byte()
    if (kind === 0x2c) return { transparent }
    if (kind === 0x3b) throw new Error('it holds no image')
    if (kind !== 0x21) throw new Error('it is damaged (a block has an unknown kind)')
    const isControl = reader.byte() === 0xf9
    for (let block = reader.block(); block.length > 0; block = reader.block()) {
      if (isControl && block.length >= 4) transparent = (block[0] & 1) === 1 ? block[3] : -1
    }
  }
}

/** Decompresses the palette indices of an image (variable-length-code LZW, appendix F). */
function inflateLzw(reader: Reader, count: number): Uint8Array {
  // A code of a few bits represents at most 4096 pixels.
  if (count > reader.left * 4096)
    throw new Error('it is truncated (it holds fewer pixels than its header says)')
  const indices = new Uint8Array(count)
  const least = reader.byte()
  if (least < 1 || least > 11) throw new Error('it is damaged (the size of its codes is unknown)')
  const clear = 1 << least
  const prefix = new Uint16Array(4096)
  const suffix = new Uint8Array(4096)
  const stack = new Uint8Array(4097)
  for (let code = 0; code < clear; code++) suffix[code] = code
  let [size, next, previous, first] = [least + 1, clear + 2, -1, 0]
  let [bits, available, filled] = [0, 0, 0]
  while (filled < count) {
    const block = reader.block()
    if (block.length === 0) throw new Error('it is truncated (it holds fewer pixels than its header says)')
    for (const byte of block) {
      bits |= byte << available
      available += 8
      while (available >= size && filled < count) {
        const code = bits & ((1 << size) - 1)
        bits >>>= size
        available -= size
        if (code === clear) {
          ;[size, next, previous] = [least + 1, clear + 2, -1]
          continue
        }
        if (code === clear + 1)
          throw new Error('it is truncated (it holds fewer pixels than its header says)')
        if (code > next || (previous < 0 && code > clear) || (code === next && previous < 0)) {
          throw new Error('it is damaged (a code of its pixels is unknown)')
        }
        let depth = 0
        let at = code
        if (code === next) {
          stack[depth++] = first
          at = previous
        }
        for (; at > clear; at = prefix[at]) stack[depth++] = suffix[at]
        first = suffix[at]
        stack[depth++] = first
        while (depth > 0 && filled < count) indices[filled++] = stack[--depth]
        if (previous >= 0 && next < 4096) {
          prefix[next] = previous
          suffix[next] = first
          next++
          if (next === 1 << size && size < 12) size++
        }
        previous = code
      }
    }
  }
  return indices
}

/** For each row of the file, its row in the image. */
function interlacedRows(rows: number): number[] {
  const order: number[] = []
  for (const [from, step] of [
    [0, 8],
    [4, 8],
    [2, 4],
    [1, 2],
  ]) {
    for (let y = from; y < rows; y += step) order.push(y)
  }
  return order
}
