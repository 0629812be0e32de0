import { decodeImage } from '../../src/image/decode.ts'
import type { ImageInput } from '../../src/image/image-input.ts'
import type { ResolvedPreprocess } from '../../src/image/preprocess-options.ts'
import { tensorLength, writeTensor } from '../../src/image/tensor.ts'

/** Images as the input of a CNN of square pictures, [images, 3, side, side]. */
export async function pixelValues(
  images: readonly ImageInput[],
  preprocess: ResolvedPreprocess,
): Promise<{ data: Float32Array; dims: number[] }> {
  const length = tensorLength(preprocess)
  const side = Math.sqrt(length / 3)
  const data = new Float32Array(images.length * length)
  for (const [i, image] of images.entries()) {
    await writeTensor(await decodeImage(image), preprocess, data.subarray(i * length, (i + 1) * length))
  }
  return { data, dims: [images.length, 3, side, side] }
}
