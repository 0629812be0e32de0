import type { RawImage } from './image-input.ts'
import { outputSize } from './preprocess.ts'
import type { ResolvedPreprocess, Size } from './preprocess-options.ts'
import { resize, targetSize } from './resize.ts'

/** Number of values in the tensor of one image: channels * height * width. */
export function tensorLength(preprocess: ResolvedPreprocess): number {
  const { width, height } = outputSize(preprocess)
  return preprocess.mean.length * width * height
}

/**
 * Resizes, crops and normalizes a decoded image into one slot of a batch.
 *
 * @param image opaque RGBA, as returned by `decodeImage`
 * @param target float32 of length `tensorLength(preprocess)`, filled in [channels, height, width] order
 */
export function writeTensor(image: RawImage, preprocess: ResolvedPreprocess, target: Float32Array): void {
  const { picture, window, size } = croppedPicture(image, preprocess)
  const tables = channelTables(preprocess)
  // Images smaller than the crop get a black border.
  if (picture.width < size.width || picture.height < size.height) {
    const plane = size.width * size.height
    for (const [c, table] of tables.entries()) target.fill(table[0], c * plane, (c + 1) * plane)
  }
  normalise(picture, preprocess.order, tables, target, size, window)
}

/** The part of the resized image within the crop, and where it is in the resized image and in the crop. */
export function croppedPicture(image: RawImage, preprocess: ResolvedPreprocess) {
  const { size, resample } = preprocess
  const whole = size ? targetSize(image, size) : { width: image.width, height: image.height }
  const cropped = outputSize(preprocess)
  const across = cropped1d(whole.width, cropped.width)
  const down = cropped1d(whole.height, cropped.height)
  const from = { left: across.from, top: down.from, width: across.length, height: down.length }
  const picture = resize(image, whole, resample, from)
  return { picture, whole, from, window: { left: across.to, top: down.to }, size: cropped }
}

/** Writes normalized pixels into the tensor; `at` is the position of their upper left corner. */
function normalise(
  { data, width, height }: RawImage,
  order: ResolvedPreprocess['order'],
  tables: Float32Array[],
  target: Float32Array,
  size: Size,
  at: { left: number; top: number },
): void {
  const plane = size.width * size.height
  const swap = order === 'bgr' ? 2 : 0
  const [first, second, third] = tables
  let from = 0
  for (let y = 0; y < height; y++) {
    const row = (at.top + y) * size.width + at.left
    for (let to = row; to < row + width; to++, from += 3) {
      if (order === 'grey') {
        target[to] = first[grey(data[from], data[from + 1], data[from + 2])]
      } else {
        target[to] = first[data[from + swap]]
        target[to + plane] = second[data[from + 1]]
        target[to + 2 * plane] = third[data[from + 2 - swap]]
      }
    }
  }
}

/** Lookup tables with the normalized value of each byte, one table per channel. */
function channelTables({ mean, std, rescale }: ResolvedPreprocess): Float32Array[] {
  return mean.map((m, c) => Float32Array.from({ length: 256 }, (_, byte) => (byte * rescale - m) / std[c]))
}

/** PIL's luma: ITU-R 601-2 in 16-bit fixed point. */
function grey(red: number, green: number, blue: number): number {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
}

/**
 * Placement of a centre crop along one axis, as in torchvision: halves round to even, and an image smaller
 * than the crop gets the odd border pixel at the end.
 *
 * @returns the source range and its position in the crop
 */
function cropped1d(length: number, crop: number): { from: number; to: number; length: number } {
  const half = (length - crop) / 2
  if (half < 0) return { from: 0, to: Math.floor(-half), length }
  const down = Math.floor(half)
  return { from: half - down === 0.5 ? down + (down % 2) : down, to: 0, length: crop }
}
