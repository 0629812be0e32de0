import type { Random } from '../../core/random.ts'

/** A change of an image: mirrored or not, then shifted by whole pixels. */
export interface View {
  flip: boolean
  down: number
  right: number
}

/** Sizes of an image tensor [channels, height, width]. */
export interface TensorSize {
  channels: number
  height: number
  width: number
}

/**
 * Draws a change.
 *
 * @param flip whether half of the images are mirrored, or all
 * @param shift greatest shift as a share of the side
 */
export function drawView(
  random: Random,
  flip: boolean | 'always',
  shift: number,
  { height, width }: TensorSize,
): View {
  const along = (side: number) => {
    const most = Math.round(shift * side)
    return random.below(2 * most + 1) - most
  }
  const flipped = flip === 'always' || (flip && random.below(2) === 1)
  return { flip: flipped, down: along(height), right: along(width) }
}

/** Writes a changed image; what a shift moves in is the border's reflection. */
export function applyView(
  from: Float32Array,
  to: Float32Array,
  { channels, height, width }: TensorSize,
  { flip, down, right }: View,
): void {
  const columns = Int32Array.from({ length: width }, (_, x) => {
    const at = reflected(x - right, width)
    return flip ? width - 1 - at : at
  })
  for (let channel = 0, row = 0; channel < channels; channel++) {
    for (let y = 0; y < height; y++, row += width) {
      const source = (channel * height + reflected(y - down, height)) * width
      for (let x = 0; x < width; x++) to[row + x] = from[source + columns[x]]
    }
  }
}

/** An index mirrored at the ends, which are not repeated: -1 is 1. */
function reflected(at: number, length: number): number {
  if (length === 1) return 0
  if (at < 0) return -at
  return at < length ? at : 2 * (length - 1) - at
}
