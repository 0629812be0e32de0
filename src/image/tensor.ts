import { SoftmarginError } from '../errors.ts'
import type { RawImage } from './input.ts'
import { outputSize, type ResolvedPreprocess } from './preprocess.ts'
import { resize, targetSize } from './resize.ts'

/** How many numbers the tensor of one picture has: channels * height * width. */
export function tensorLength(preprocess: ResolvedPreprocess): number {
  const { width, height } = outputSize(preprocess)
  return preprocess.mean.length * width * height
}

/**
 * Resizes, crops and normalises a decoded picture into one slot of a batch.
 *
 * @param image RGBA, opaque, as `decodeImage` answers it
 * @param target float32 of `tensorLength(preprocess)`, filled channel after channel, row after row
 * @throws {SoftmarginError} `IMAGE_UNREADABLE` if its proportions are so extreme that the resized picture
 *   would be too large
 */
export async function writeTensor(
  image: RawImage,
  preprocess: ResolvedPreprocess,
  target: Float32Array,
  name = 'image',
): Promise<void> {
  const { size, resample } = preprocess
  const to = size ? targetSize(image, size) : image
  if (to.width * to.height > 2 ** 27) {
    const message = `${name} is too long and narrow: ${image.width} x ${image.height} pixels would become ${to.width} x ${to.height}`
    throw new SoftmarginError('IMAGE_UNREADABLE', message, { argument: name })
  }
  const resized = await resize(image, to, resample)
  normalise(resized, preprocess, target)
}

function normalise(image: RawImage, preprocess: ResolvedPreprocess, target: Float32Array): void {
  const { width, height } = outputSize(preprocess)
  const left = cropStart(image.width, width)
  const top = cropStart(image.height, height)
  const { data } = image
  const tables = channelTables(preprocess)
  const plane = width * height
  for (let y = 0; y < height; y++) {
    const fromY = y + top
    for (let x = 0; x < width; x++) {
      const fromX = x + left
      const inside = fromX >= 0 && fromX < image.width && fromY >= 0 && fromY < image.height
      const from = (fromY * image.width + fromX) * 4
      const to = y * width + x
      if (tables.length === 1) {
        target[to] = tables[0][inside ? grey(data[from], data[from + 1], data[from + 2]) : 0]
      } else {
        const swap = preprocess.order === 'bgr' ? 2 : 0
        for (let c = 0; c < 3; c++)
          target[c * plane + to] = tables[c][inside ? data[from + Math.abs(swap - c)] : 0]
      }
    }
  }
}

/** The 256 values that a byte of each channel can become. */
function channelTables({ mean, std, rescale }: ResolvedPreprocess): Float32Array[] {
  return mean.map((m, c) => Float32Array.from({ length: 256 }, (_, byte) => (byte * rescale - m) / std[c]))
}

/** PIL's luma: ITU-R 601-2 in 16-bit fixed point. */
function grey(red: number, green: number, blue: number): number {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
}

/**
 * Where a centre crop begins, as torchvision places it: halves round to even, and a picture that is too small
 * (a negative start) gets the odd pixel of its border at the end.
 */
function cropStart(length: number, crop: number): number {
  const half = (length - crop) / 2
  if (half < 0) return -Math.floor(-half)
  const down = Math.floor(half)
  return half - down === 0.5 ? down + (down % 2) : down
}
