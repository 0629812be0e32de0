import type { MapShape, Pooling, Windows } from '../lowering/operations.ts'
import type { MemoryPlan } from './buffer-plan.ts'
import type { MapLayout } from './maps.ts'
import { byteOf } from './maps.ts'
import { type TileSides, tileAt } from './winograd-tiles.ts'

/** Extra entries after the last pixel, because kernels always process whole tiles. */
const SPARE = 8

/** A strided walk over the pixels of a map, in row-major order. */
export interface Walk {
  height: number
  width: number
  /** Coordinates of the first pixel; below 0 in the border. */
  y: number
  x: number
  /** Strides; 0 repeats the same row or column. */
  stepY: number
  stepX: number
}

/** All pixels of a map. */
export function everyPixel({ height, width }: MapShape): Walk {
  return { height, width, y: 0, x: 0, stepY: 1, stepX: 1 }
}

/** The upper left corner of each output pixel's window. */
export function windowCorners({ strides, before }: Windows, { height, width }: MapShape): Walk {
  return { height, width, y: -before[0], x: -before[1], stepY: strides[0], stepX: strides[1] }
}

/** Byte offsets of the taps of a window from its upper left corner, row by row. */
export function tapOffsets(
  [rows, columns]: readonly number[],
  dilations: readonly number[],
  { rowBytes, pixelBytes }: MapLayout,
): number[] {
  return Array.from({ length: rows * columns }, (_, tap) => {
    const [row, column] = [Math.floor(tap / columns), tap % columns]
    return row * dilations[0] * rowBytes + column * dilations[1] * pixelBytes
  })
}

/** The pixels of a map whose sizes of 1 are broadcast to `shape`. */
export function broadcastPixels(own: MapShape, { height, width }: MapShape): Walk {
  return { height, width, y: 0, x: 0, stepY: own.height === 1 ? 0 : 1, stepX: own.width === 1 ? 0 : 1 }
}

/**
 * Tables of byte offsets through which kernels address pixels, for a fixed number of images. Identical tables
 * are stored once.
 */
export class Tables {
  readonly #plan: MemoryPlan
  readonly #pictures: number

  constructor(plan: MemoryPlan, pictures: number) {
    this.#plan = plan
    this.#pictures = pictures
  }

  /** u32 byte offsets of pixels. @param isConstant whether all images share the same map */
  pixels(layout: MapLayout, walk: Walk, isConstant = false): number {
    const { height, width, y, x, stepY, stepX } = walk
    const { rowBytes, pixelBytes } = layout
    const pictureBytes = isConstant ? 0 : layout.pictureBytes
    const corner = byteOf(layout, y, x)
    const [down, right] = [stepY * rowBytes, stepX * pixelBytes]
    const length = this.#pictures * height * width
    const key = ['pixels', this.#pictures, pictureBytes, corner, down, right, height, width].join()
    return this.#plan.share(key, (length + SPARE) * 4, (memory, address) => {
      const table = new Uint32Array(memory, address, length + SPARE)
      let at = 0
      for (let picture = 0; picture < this.#pictures; picture++) {
        for (let row = 0; row < height; row++) {
          let offset = picture * pictureBytes + corner + row * down
          for (let column = 0; column < width; column++, offset += right) table[at++] = offset
        }
      }
      table.fill(table[length - 1], length)
    })
  }

  /**
   * u32 byte offsets of a pixel of each tile: of its first one, or of its first window.
   *
   * @param windows those of the convolution whose input the map is; default: the map is its output, or has the same shape
   */
  tiles(layout: MapLayout, sides: TileSides, windows?: Windows, isConstant = false): number {
    const { rowBytes, pixelBytes } = layout
    const { strides = [1, 1], before = [0, 0] } = windows ?? {}
    const corner = byteOf(layout, -before[0], -before[1])
    const pictureBytes = isConstant ? 0 : layout.pictureBytes
    return this.#tiles([pictureBytes, corner, strides[0] * rowBytes, strides[1] * pixelBytes], sides, false)
  }

  /**
   * Pairs of u32 for each of the tiles of an output: byte offset of its first pixel, and its rows + 256 * its columns inside
   * the map + flags of those that are transformed for three rows or columns.
   */
  outputTiles(layout: MapLayout, sides: TileSides): number {
    const { rowBytes, pixelBytes, pictureBytes } = layout
    return this.#tiles([pictureBytes, byteOf(layout, 0, 0), rowBytes, pixelBytes], sides, true)
  }

  #tiles(steps: readonly number[], [down, right]: TileSides, hasSizes: boolean): number {
    const [pictureBytes, corner, rowBytes, pixelBytes] = steps
    const length = this.#pictures * down.count * right.count * (hasSizes ? 2 : 1)
    const sides = [...Object.values(down), ...Object.values(right)]
    const key = ['tiles', this.#pictures, hasSizes, ...steps, ...sides].join()
    return this.#plan.share(key, 4 * length, (memory, address) => {
      const table = new Uint32Array(memory, address, length)
      let at = 0
      for (let picture = 0; picture < this.#pictures; picture++) {
        for (let i = 0; i < down.count; i++) {
          for (let j = 0; j < right.count; j++) {
            const [rows, columns] = [tileAt(down, i), tileAt(right, j)]
            table[at++] = picture * pictureBytes + corner + rows.start * rowBytes + columns.start * pixelBytes
            if (!hasSizes) continue
            // The flags are THREE_ROWS and THREE_COLUMNS in assembly/cnn/winograd/winograd-layer.ts.
            const flags = +rows.isThree + 2 * +columns.isThree
            table[at++] = rows.length + 2 ** 8 * columns.length + 2 ** 16 * flags
          }
        }
      }
    })
  }

  /**
   * Table for `pool` with 16 bytes per output pixel: byte offset of its window clipped to the map, rows,
   * columns, and the factor that sums are multiplied by.
   */
  poolWindows(layout: MapLayout, pooling: Pooling): number {
    const { height, width } = pooling.output.shape
    const { kernel, strides, dilations, before, after, countsPadding, isMax } = pooling
    const length = this.#pictures * height * width
    const sides = [layout.shape.height, layout.shape.width]
    return this.#plan.fix(length * 16, (memory, address) => {
      const table = new Uint32Array(memory, address, length * 4)
      const factors = new Float32Array(memory, address, length * 4)
      /**
       * Index of the first tap on the map, number of taps on the map, and number of taps counted in the
       * divisor.
       */
      const clip = (place: number, i: number) => {
        const start = place * strides[i] - before[i]
        let first = start
        while (first < 0) first += dilations[i]
        let count = 0
        while (
          first + count * dilations[i] < sides[i] &&
          first + count * dilations[i] < start + kernel[i] * dilations[i]
        ) {
          count++
        }
        // With ceil_mode, taps beyond the padding do not count.
        const padded = Math.min(kernel[i], Math.ceil((sides[i] + after[i] - start) / dilations[i]))
        return { first, count, counted: countsPadding ? padded : count }
      }
      let at = 0
      for (let picture = 0; picture < this.#pictures; picture++) {
        for (let y = 0; y < height; y++) {
          const row = clip(y, 0)
          for (let x = 0; x < width; x++) {
            const column = clip(x, 1)
            table[at] = picture * layout.pictureBytes + byteOf(layout, row.first, column.first)
            table[at + 1] = row.count
            table[at + 2] = column.count
            factors[at + 3] = isMax ? 1 : 1 / (row.counted * column.counted)
            at += 4
          }
        }
      }
    })
  }

  /** A table of i32 values. */
  integers(numbers: number[]): number {
    return this.#plan.share(`integers,${numbers.join()}`, numbers.length * 4, (memory, address) => {
      new Int32Array(memory, address, numbers.length).set(numbers)
    })
  }
}
