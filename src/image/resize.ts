import type { RawImage } from './image-input.ts'
import { pixelWords } from './pixel-words.ts'
import type { ResolvedPreprocess, Size } from './preprocess-options.ts'

/** A rectangle of a resized image. */
export interface Window extends Size {
  left: number
  top: number
}

/** A filter kernel over the distance from a pixel's centre, and its support radius. */
interface Filter {
  reach: number
  weight(distance: number): number
}

const filters: Record<'bilinear' | 'bicubic', Filter> = {
  bilinear: { reach: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  // Catmull-Rom with a = -0.5, as in PIL.
  bicubic: {
    reach: 2,
    weight(distance) {
      const x = Math.abs(distance)
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0
    },
  },
}

/**
 * Resizes RGBA pixels to RGB, byte for byte as PIL and torchvision do (`Resample.c` of Pillow): two passes,
 * each rounded to bytes, with 22-bit fixed-point weights and antialiasing when shrinking. All sums are
 * integer sums, so the result is the same on every host.
 *
 * @param size target size of the whole image
 * @param window part of the target to compute
 */
export function resize(
  image: RawImage,
  size: Size,
  resample: ResolvedPreprocess['resample'],
  window: Window = { left: 0, top: 0, ...size },
): RawImage {
  if (resample === 'nearest' || (image.width === size.width && image.height === size.height)) {
    return nearest(image, size, window)
  }
  const rows = taps(image.height, size.height, filters[resample], window.top, window.height)
  const columns = taps(image.width, size.width, filters[resample], window.left, window.width)
  const first = rows.from[0]
  const count = rows.from.at(-1)! + rows.counts.at(-1)! - first
  const wide = acrossRows(image, columns, first, count)
  return { data: downColumns(wide, rows, first, window.width), ...sizeOf(window), channels: 3 }
}

/** For each target pixel along one axis, the source pixels and weights that it is computed from. */
interface Taps {
  /** Index of the first source pixel. */
  from: Int32Array
  /** Number of consecutive source pixels. */
  counts: Int32Array
  /** Fixed-point weights, `most` entries per target pixel. */
  weights: Int32Array
  most: number
}

const bits = 22

function taps(length: number, wanted: number, filter: Filter, start: number, count: number): Taps {
  const scale = length / wanted
  const stretch = Math.max(1, scale)
  const reach = filter.reach * stretch
  const most = Math.ceil(reach) * 2 + 1
  const from = new Int32Array(count)
  const counts = new Int32Array(count)
  const weights = new Int32Array(count * most)
  const exact = new Float64Array(most)
  for (let i = 0; i < count; i++) {
    const centre = (start + i + 0.5) * scale
    const begin = Math.max(0, Math.trunc(centre - reach + 0.5))
    const end = Math.min(length, Math.trunc(centre + reach + 0.5))
    let sum = 0
    for (let x = begin; x < end; x++)
      sum += exact[x - begin] = filter.weight((x - centre + 0.5) * (1 / stretch))
    for (let x = 0; x < end - begin; x++) {
      const fixed = (exact[x] / sum) * (1 << bits)
      weights[i * most + x] = Math.trunc(fixed < 0 ? fixed - 0.5 : fixed + 0.5)
    }
    from[i] = begin
    counts[i] = end - begin
  }
  return { from, counts, weights, most }
}

// In the two passes, `bits` is written out as 22, and half of the last bit as 0x200000: V8 does not fold constants of a module in all
// versions of Node, which costs a tenth of the time. `imul` and `| 0` keep the sums integers.

/** Horizontal pass: RGBA in, RGB out, for `count` rows starting at `first`. */
function acrossRows(image: RawImage, columns: Taps, first: number, count: number): Uint8Array {
  const pixels = pixelWords(image.data)
  const { from, counts, weights, most } = columns
  const width = from.length
  const result = new Uint8Array(count * width * 3)
  let to = 0
  for (let y = first; y < first + count; y++) {
    const line = y * image.width
    for (let i = 0; i < width; i++) {
      const begin = i * most
      const start = line + from[i]
      let r = 0x200000
      let g = 0x200000
      let b = 0x200000
      for (let k = 0; k < counts[i]; k++) {
        const weight = weights[begin + k]
        const pixel = pixels[start + k]
        r = (r + Math.imul(pixel & 255, weight)) | 0
        g = (g + Math.imul((pixel >> 8) & 255, weight)) | 0
        b = (b + Math.imul((pixel >> 16) & 255, weight)) | 0
      }
      result[to] = toByte(r)
      result[to + 1] = toByte(g)
      result[to + 2] = toByte(b)
      to += 3
    }
  }
  return result
}

/** Vertical pass. `rows` refers to source rows of the whole image; `wide` starts at row `first`. */
function downColumns(wide: Uint8Array, rows: Taps, first: number, width: number): Uint8Array {
  const { from, counts, weights, most } = rows
  const line = width * 3
  const result = new Uint8Array(from.length * line)
  for (let i = 0; i < from.length; i++) {
    const begin = i * most
    const count = counts[i]
    const start = (from[i] - first) * line
    const to = i * line
    if (count <= 4) {
      // Without a loop for each byte. A row that is not needed is replaced by the first one, with a weight of 0.
      const w0 = weights[begin]
      const w1 = count > 1 ? weights[begin + 1] : 0
      const w2 = count > 2 ? weights[begin + 2] : 0
      const w3 = count > 3 ? weights[begin + 3] : 0
      const at1 = count > 1 ? start + line : start
      const at2 = count > 2 ? start + 2 * line : start
      const at3 = count > 3 ? start + 3 * line : start
      for (let x = 0; x < line; x++) {
        const few = Math.imul(wide[start + x], w0) + Math.imul(wide[at1 + x], w1)
        const more = Math.imul(wide[at2 + x], w2) + Math.imul(wide[at3 + x], w3)
        result[to + x] = toByte(0x200000 + few + more)
      }
    } else {
      for (let x = 0; x < line; x++) {
        let sum = 0x200000
        for (let k = 0, at = start + x; k < count; k++, at += line) {
          sum = (sum + Math.imul(wide[at], weights[begin + k])) | 0
        }
        result[to + x] = toByte(sum)
      }
    }
  }
  return result
}

function toByte(sum: number): number {
  const value = sum >> 22
  return value < 0 ? 0 : value > 255 ? 255 : value
}

/** Target size of resizing. The longer side is rounded down, as in torchvision. */
export function targetSize(image: Size, size: NonNullable<ResolvedPreprocess['size']>): Size {
  if (!('shortestEdge' in size)) return size
  const { shortestEdge } = size
  const { width, height } = image
  return width <= height
    ? { width: shortestEdge, height: Math.max(1, Math.floor((shortestEdge * height) / width)) }
    : { width: Math.max(1, Math.floor((shortestEdge * width) / height)), height: shortestEdge }
}

/** Nearest-neighbour resampling: the source pixel at each target pixel's centre, as in PIL. */
function nearest({ data, width, height }: RawImage, size: Size, window: Window): RawImage {
  const result = new Uint8Array(window.width * window.height * 3)
  const columns = Int32Array.from({ length: window.width }, (_, x) =>
    Math.floor(((window.left + x + 0.5) * width) / size.width),
  )
  let to = 0
  for (let y = 0; y < window.height; y++) {
    const row = Math.floor(((window.top + y + 0.5) * height) / size.height) * width
    for (const column of columns) {
      const at = (row + column) * 4
      result[to++] = data[at]
      result[to++] = data[at + 1]
      result[to++] = data[at + 2]
    }
  }
  return { data: result, ...sizeOf(window), channels: 3 }
}

function sizeOf({ width, height }: Window): Size {
  return { width, height }
}
