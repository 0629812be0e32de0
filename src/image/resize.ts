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
const half = 1 << (bits - 1)

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

/** Horizontal pass: RGBA in, RGB out, for `count` rows starting at `first`. */
function acrossRows(image: RawImage, columns: Taps, first: number, count: number): Uint8Array {
  const pixels = pixelWords(image.data)
  const { from, counts, weights, most } = columns
  const result = new Uint8Array(count * from.length * 3)
  let to = 0
  for (let y = first; y < first + count; y++) {
    for (let i = 0; i < from.length; i++) {
      let r = half
      let g = half
      let b = half
      const begin = i * most
      const end = begin + counts[i]
      for (let k = begin, at = y * image.width + from[i]; k < end; k++, at++) {
        const weight = weights[k]
        const pixel = pixels[at]
        // `imul` and `| 0` keep the sums integers, which is faster than numbers that may have a fraction.
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
    const sumRows = counts[i] <= 4 ? sumFewRows : sumManyRows
    const start = (from[i] - first) * line
    const own = weights.subarray(i * most, i * most + counts[i])
    sumRows(wide, start, own, result.subarray(i * line, (i + 1) * line))
  }
  return result
}

/** The weighted sum of at most four rows, which lie at `start`: most resizing, without a loop for each byte. */
function sumFewRows(wide: Uint8Array, start: number, weights: Int32Array, target: Uint8Array): void {
  const line = target.length
  const [w0, w1 = 0, w2 = 0, w3 = 0] = weights
  // A row that is not needed is replaced by the first one, with a weight of 0.
  const [at1, at2, at3] = [1, 2, 3].map((k) => (k < weights.length ? start + k * line : start))
  for (let x = 0; x < line; x++) {
    const sum =
      half +
      Math.imul(wide[start + x], w0) +
      Math.imul(wide[at1 + x], w1) +
      Math.imul(wide[at2 + x], w2) +
      Math.imul(wide[at3 + x], w3)
    target[x] = toByte(sum)
  }
}

function sumManyRows(wide: Uint8Array, start: number, weights: Int32Array, target: Uint8Array): void {
  const line = target.length
  for (let x = 0; x < line; x++) {
    let sum = half
    for (let k = 0, at = start + x; k < weights.length; k++, at += line) {
      sum = (sum + Math.imul(wide[at], weights[k])) | 0
    }
    target[x] = toByte(sum)
  }
}

function toByte(sum: number): number {
  const value = sum >> bits
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
