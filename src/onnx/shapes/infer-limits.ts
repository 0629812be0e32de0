import type { Dims } from './tensor-info.ts'

/**
 * The most dimensions of a tensor that are followed. NumPy stops at 64 and ONNX Runtime's operators at fewer; a file
 * that claims more would only cost time at every node that passes the shape on.
 */
export const mostDimensions = 64

/** The most numbers of a tensor that are followed as values. Constants of more numbers are weights, not shapes. */
export const mostValues = 64

/**
 * A shape that can be relied on: `undefined` where it has more than `mostDimensions` dimensions, and each size that is
 * no whole number from 0 to 2^53 - 1 is unknown.
 *
 * Sizes are computed from numbers that a file gives (axes, strides, repeats, pads), so any of them may come out
 * negative, fractional, infinite or NaN. ONNX Runtime refuses such files itself; here they only must do no harm.
 */
export function boundedDims(dims: Dims | undefined): Dims | undefined {
  if (dims === undefined || dims.length > mostDimensions) return undefined
  return dims.every(isKnownOrFree) ? dims : dims.map((size) => (isKnownOrFree(size) ? size : undefined))
}

function isKnownOrFree(size: number | undefined): boolean {
  return size === undefined || (Number.isSafeInteger(size) && size >= 0)
}

/** Values that can be relied on: `undefined` where there are more than `mostValues`. */
export function boundedValues<Value>(values: Value[] | undefined): Value[] | undefined {
  return values === undefined || values.length > mostValues ? undefined : values
}

/**
 * The axis that a number names, which counts from the end where it is negative.
 *
 * @returns `undefined` for a number that names none of the `rank` axes
 */
export function axisOf(axis: number | undefined, rank: number): number | undefined {
  if (axis === undefined || !Number.isInteger(axis) || axis < -rank || axis >= rank) return undefined
  return axis < 0 ? axis + rank : axis
}

/** The same for a list of axes; `undefined` where one of them names none, or one is named twice. */
export function axesOf(axes: Dims, rank: number): number[] | undefined {
  if (axes.length > rank) return undefined
  const found = axes.map((axis) => axisOf(axis, rank))
  if (found.includes(undefined) || new Set(found).size < found.length) return undefined
  return found as number[]
}
