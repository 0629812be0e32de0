import type { Dims } from './tensor-info.ts'

/**
 * Maximum rank of tensors that shape inference follows. NumPy is limited to 64 and ONNX Runtime's operators
 * to fewer; a file that claims more would only cost time at every node that passes the shape on.
 */
export const MAX_DIMENSIONS = 64

/** Maximum number of a tensor's values that are tracked. Constants with more values are weights, not shapes. */
export const MAX_VALUES = 64

/**
 * Sanitizes a shape: `undefined` if its rank exceeds `MAX_DIMENSIONS`; sizes that are not integers from 0 to
 * 2^53 - 1 become unknown.
 *
 * Sizes are computed from numbers in the file (axes, strides, repeats, pads), so they may turn out negative,
 * fractional, infinite or NaN. ONNX Runtime rejects such files itself; here they only must do no harm.
 */
export function boundedDims(dims: Dims | undefined): Dims | undefined {
  if (dims === undefined || dims.length > MAX_DIMENSIONS) return undefined
  return dims.every(isKnownOrFree) ? dims : dims.map((size) => (isKnownOrFree(size) ? size : undefined))
}

function isKnownOrFree(size: number | undefined): boolean {
  return size === undefined || (Number.isSafeInteger(size) && size >= 0)
}

/** Sanitizes a list of values: `undefined` if there are more than `MAX_VALUES`. */
export function boundedValues<Value>(values: Value[] | undefined): Value[] | undefined {
  return values === undefined || values.length > MAX_VALUES ? undefined : values
}

/**
 * Resolves an axis, where negative numbers count from the end.
 *
 * @returns `undefined` if the number is not a valid axis for the rank
 */
export function axisOf(axis: number | undefined, rank: number): number | undefined {
  if (axis === undefined || !Number.isInteger(axis) || axis < -rank || axis >= rank) return undefined
  return axis < 0 ? axis + rank : axis
}

/** Resolves a list of axes; `undefined` if one is invalid or occurs twice. */
export function axesOf(axes: Dims, rank: number): number[] | undefined {
  if (axes.length > rank) return undefined
  const found = axes.map((axis) => axisOf(axis, rank))
  if (found.includes(undefined) || new Set(found).size < found.length) return undefined
  return found as number[]
}
