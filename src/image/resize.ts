import resizePixels, { initResize } from '@jsquash/resize'
import { codecModule } from '../host/codecs.ts'
import type { RawImage } from './input.ts'
import type { ResolvedPreprocess, Size } from './preprocess.ts'

let ready: Promise<void> | undefined

/** jSquash's names for PIL's filters: both average over all source pixels when shrinking. */
const filters = { bilinear: 'triangle', bicubic: 'catrom' } as const

/**
 * Resizes RGBA pixels as PIL and torchvision do: within 2 of 255 of theirs at every pixel.
 *
 * @returns `image` itself if it has that size already
 */
export async function resize(
  image: RawImage,
  { width, height }: Size,
  resample: ResolvedPreprocess['resample'],
): Promise<RawImage> {
  if (image.width === width && image.height === height) return image
  if (resample === 'nearest') return nearest(image, width, height)
  await (ready ??= start().catch(forget))
  const method = filters[resample]
  // First the width, then the height, with bytes in between as PIL has them: bicubic overshoots at edges, and
  // rounding to bytes between the passes cuts that off.
  const steps =
    resample === 'bicubic'
      ? [
          { width, height: image.height },
          { width, height },
        ]
      : [{ width, height }]
  let result = image
  for (const step of steps) {
    const options = { ...step, method, premultiply: false, linearRGB: false } as const
    const { data } = await resizePixels(asImageData(result), options)
    result = { data, ...step, channels: 4 }
  }
  return result
}

async function start(): Promise<void> {
  await initResize(await codecModule('resize'))
}

/** A start that failed is tried again with the next picture. */
function forget(error: unknown): never {
  ready = undefined
  throw error
}

/** What a picture is resized to. The longer side is rounded down, as torchvision does. */
export function targetSize(image: Size, size: NonNullable<ResolvedPreprocess['size']>): Size {
  if (!('shortestEdge' in size)) return size
  const { shortestEdge } = size
  const { width, height } = image
  return width <= height
    ? { width: shortestEdge, height: Math.max(1, Math.floor((shortestEdge * height) / width)) }
    : { width: Math.max(1, Math.floor((shortestEdge * width) / height)), height: shortestEdge }
}

/** The pixel under each target pixel's centre, as PIL takes it. */
function nearest(image: RawImage, width: number, height: number): RawImage {
  const source = new Uint32Array(asImageData(image).data.buffer)
  const target = new Uint32Array(width * height)
  for (let y = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * image.height) / height) * image.width
    for (let x = 0; x < width; x++) {
      target[y * width + x] = source[row + Math.floor(((x + 0.5) * image.width) / width)]
    }
  }
  return { data: new Uint8ClampedArray(target.buffer), width, height, channels: 4 }
}

/** jSquash reads the whole buffer behind the pixels: they must fill it. */
function asImageData({ data, width, height }: RawImage): ImageData {
  const whole = data.byteLength === data.buffer.byteLength ? data : data.slice()
  return { data: whole, width, height } as unknown as ImageData
}
