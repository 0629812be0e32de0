import type { Random } from '../../core/random.ts'
import type { TensorSize } from './augment.ts'

/** A CutMix of a batch: in each image the same rectangle is replaced by that of another image of the batch. */
export interface CutMix {
  /** For each image, the position of the other one in the batch. */
  others: Int32Array
  top: number
  left: number
  height: number
  width: number
  /** Share of the pixels that remain, 0 to 1: how much of the target remains that of the image. */
  share: number
}

/** Draws a CutMix: an area from none to all of the image, uniformly, in the proportions of the image. */
export function drawCutMix(random: Random, count: number, { height, width }: TensorSize): CutMix {
  const side = Math.sqrt(random.uint32() / 2 ** 32)
  const [high, wide] = [Math.floor(height * side), Math.floor(width * side)]
  return {
    others: random.shuffle(Int32Array.from({ length: count }, (_, i) => i)),
    top: random.below(height - high + 1),
    left: random.below(width - wide + 1),
    height: high,
    width: wide,
    share: 1 - (high * wide) / (height * width),
  }
}

/** Copies the rectangle from one image to another. @param from and `to`: [channels, height, width] */
export function pasteRectangle(
  from: Float32Array,
  to: Float32Array,
  size: TensorSize,
  { top, left, height, width }: CutMix,
): void {
  for (let channel = 0; channel < size.channels; channel++) {
    for (let y = top; y < top + height; y++) {
      const at = (channel * size.height + y) * size.width + left
      to.set(from.subarray(at, at + width), at)
    }
  }
}
