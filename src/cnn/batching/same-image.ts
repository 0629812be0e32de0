import type { Activation } from '../running-network.ts'

/**
 * Whether the single image of one activation equals the image at `index` of another, within a relative
 * tolerance.
 */
export function isSameImage(
  alone: Activation,
  together: Activation,
  index: number,
  tolerance: number,
): boolean {
  const length = alone.data.length / alone.dims[0]
  const offset = index * length
  let largest = 0
  let difference = 0
  for (let i = 0; i < length; i++) {
    const [a, b] = [alone.data[i], together.data[offset + i]]
    if (Object.is(a, b)) continue
    largest = Math.max(largest, Math.abs(a), Math.abs(b))
    difference = Math.max(difference, Math.abs(a - b))
  }
  // With a tolerance of 0, -0 equals 0, but NaN equals only NaN.
  return difference <= tolerance * largest
}
