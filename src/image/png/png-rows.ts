import type { PngHeader } from './png-chunks.ts'
import type { Expand } from './png-pixels.ts'

/** A grid of pixels whose rows follow each other in the file. */
interface Pass {
  columns: number
  rows: number
  /** Index of the first pixel in the image. */
  from: number
  /** Distances between neighbours in a row and between rows, in pixels. */
  across: number
  down: number
}

/** Adam7 (PNG specification, section 8.2): first column and row of each pass, and the steps between its pixels. */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
]

/** The passes of an image that contain pixels. */
function passesOf({ width, height, isInterlaced }: PngHeader): Pass[] {
  return (isInterlaced ? adam7 : [[0, 0, 1, 1]])
    .map(([left, top, across, down]) => ({
      columns: Math.ceil((width - left) / across),
      rows: Math.ceil((height - top) / down),
      from: top * width + left,
      across,
      down: down * width,
    }))
    .filter(({ columns, rows }) => columns > 0 && rows > 0)
}

/** The bytes of a row, with a view of them as 32-bit integers. */
class Row {
  readonly bytes: Uint8Array
  readonly words: Int32Array

  constructor(length: number) {
    this.words = new Int32Array(Math.ceil(length / 4))
    this.bytes = new Uint8Array(this.words.buffer, 0, length)
  }
}

/** Converts the inflated bytes of an image to pixels, row by row, so that only two rows are held in memory. */
export class PngRows {
  readonly #passes: Pass[]
  readonly #bits: number
  readonly #expand: Expand
  readonly #pixels: Uint32Array
  #pass = -1
  #y = 0
  #row = new Row(0)
  #above = new Row(0)
  /** The filter of the row; -1 while it is unknown. */
  #filter = -1
  #filled = 0

  /**
   * @param bits bits per pixel in the file
   * @param expand writes the pixels of a row
   * @param pixels the image
   */
  constructor(header: PngHeader, bits: number, expand: Expand, pixels: Uint32Array) {
    this.#passes = passesOf(header)
    this.#bits = bits
    this.#expand = expand
    this.#pixels = pixels
    this.#nextPass()
  }

  /** Number of inflated bytes of the image: each row is preceded by the number of its filter. */
  static bytesOf(header: PngHeader, bits: number): number {
    return passesOf(header).reduce((sum, { columns, rows }) => sum + rows * (1 + rowLength(columns, bits)), 0)
  }

  /** Whether all rows have been received. */
  get isComplete(): boolean {
    return this.#pass === this.#passes.length
  }

  /** Adds the next inflated bytes. @throws {Error} for an unknown filter, and for more bytes than the image has */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.isComplete) throw new Error('it is damaged (it has more pixels than its header declares)')
      if (this.#filter < 0) {
        this.#filter = bytes[at++]
        continue
      }
      const row = this.#row.bytes
      const length = Math.min(row.length - this.#filled, bytes.length - at)
      row.set(bytes.subarray(at, at + length), this.#filled)
      this.#filled += length
      at += length
      if (this.#filled === row.length) this.#finishRow()
    }
  }

  #finishRow(): void {
    const { columns, rows, from, across, down } = this.#passes[this.#pass]
    unfilter(this.#filter, this.#row, this.#above, Math.max(1, this.#bits >> 3))
    this.#expand(this.#row.bytes, columns, this.#pixels, from + this.#y * down, across)
    ;[this.#row, this.#above] = [this.#above, this.#row]
    this.#filter = -1
    this.#filled = 0
    if (++this.#y === rows) this.#nextPass()
  }

  #nextPass(): void {
    this.#pass++
    this.#y = 0
    if (this.isComplete) return
    const length = rowLength(this.#passes[this.#pass].columns, this.#bits)
    this.#row = new Row(length)
    this.#above = new Row(length)
  }
}

function rowLength(columns: number, bits: number): number {
  return Math.ceil((columns * bits) / 8)
}

/**
 * Undoes the filter of a row in place (PNG specification, section 9).
 *
 * @param apart distance between a byte and that of its left neighbour
 */
function unfilter(
  filter: number,
  { bytes: row, words }: Row,
  { bytes: above, words: wordsAbove }: Row,
  apart: number,
): void {
  const length = row.length
  const second = Math.min(apart, length)
  switch (filter) {
    case 0:
      break
    case 1:
      for (let i = second; i < length; i++) row[i] += row[i - apart]
      break
    case 2:
      // Adds four bytes at once; their upper bits are handled separately, so that no byte carries into the next.
      for (let i = 0; i < words.length; i++) {
        const a = words[i]
        const b = wordsAbove[i]
        words[i] = ((a & 0x7f7f7f7f) + (b & 0x7f7f7f7f)) ^ ((a ^ b) & 0x80808080)
      }
      break
    case 3:
      for (let i = 0; i < second; i++) row[i] += above[i] >> 1
      for (let i = second; i < length; i++) row[i] += (row[i - apart] + above[i]) >> 1
      break
    case 4:
      for (let i = 0; i < second; i++) row[i] += above[i]
      for (let i = second; i < length; i++) {
        const left = row[i - apart]
        const up = above[i]
        const corner = above[i - apart]
        // The neighbour closest to left + up - corner.
        const toLeft = Math.abs(up - corner)
        const toUp = Math.abs(left - corner)
        const toCorner = Math.abs(left + up - 2 * corner)
        row[i] += toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner
      }
      break
    default:
      throw new Error(`it is damaged (a row has the unknown filter ${filter})`)
  }
}
