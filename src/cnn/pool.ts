import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import type { Activation } from './running-network.ts'

/**
 * How a layer's activations are reduced to one feature vector.
 *
 * - `'average'`, `'max'`: over the whole map, one number per channel
 * - `{ grid: g }`: the average of each cell of a g x g grid, channels * g * g numbers. Cell i of g covers
 *   rows floor(i * H / g) to ceil((i + 1) * H / g), exclusive, as in PyTorch's `adaptive_avg_pool2d`
 * - `'none'`: the flattened map, channel by channel
 * - `'auto'`: `'average'` for maps, `'none'` for layers without height and width
 */
export type Pooling = 'auto' | 'average' | 'max' | 'none' | { grid: number }

/** A pooling with `'auto'` resolved. */
export type ResolvedPooling = Exclude<Pooling, 'auto'>

/** @throws {SoftmarginError} `INVALID_ARGUMENT` */
export function checkPooling(pooling: Pooling, argument = 'pooling'): void {
  if (typeof pooling === 'object' && pooling !== null) {
    const { grid } = pooling
    if (Number.isSafeInteger(grid) && grid >= 1 && grid <= 1024) return
    throw invalidArgument(`${argument}.grid`, grid, 'an integer from 1 to 1024')
  }
  if (!['auto', 'average', 'max', 'none'].includes(pooling)) {
    throw invalidArgument(argument, pooling, `'auto', 'average', 'max', 'none' or { grid: number }`)
  }
}

/**
 * Resolves `'auto'` for a layer with these dimensions.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for pooling over a layer without height and width
 */
export function resolvePooling(
  pooling: Pooling,
  dims: readonly number[],
  argument = 'pooling',
): ResolvedPooling {
  if (pooling === 'auto') return dims.length === 4 ? 'average' : 'none'
  if (pooling !== 'none' && dims.length !== 4) {
    throw invalidArgument(argument, pooling, `'auto' or 'none' for a layer of shape [${dims.join(', ')}]`)
  }
  return pooling
}

/** Number of features per image after pooling. */
export function pooledSize(pooling: ResolvedPooling, dims: readonly number[]): number {
  if (pooling === 'none') return product(dims.slice(1))
  return typeof pooling === 'object' ? dims[1] * pooling.grid * pooling.grid : dims[1]
}

/**
 * Pools the first `rows` images of a batch into the rows of `target`. Sums are accumulated in float64 in
 * row-major order.
 *
 * @param target float32 of length at least `rows * pooledSize(pooling, dims)`
 */
export function pool(
  { data, dims }: Activation,
  pooling: ResolvedPooling,
  rows: number,
  target: Float32Array,
): void {
  if (pooling === 'none') {
    target.set(data.subarray(0, rows * product(dims.slice(1))))
    return
  }
  const [, channels, height, width] = dims
  const map: Map2d = { data, offset: 0, width }
  const grid = typeof pooling === 'object' ? pooling.grid : 1
  const reduce = pooling === 'max' ? maximum : average
  let to = 0
  for (let plane = 0; plane < rows * channels; plane++) {
    map.offset = plane * height * width
    for (let i = 0; i < grid; i++) {
      const [top, bottom] = cell(i, grid, height)
      for (let j = 0; j < grid; j++) {
        const [left, right] = cell(j, grid, width)
        target[to++] = reduce(map, top, bottom, left, right)
      }
    }
  }
}

/** One channel of one image. */
interface Map2d {
  data: Float32Array
  offset: number
  width: number
}

function cell(i: number, grid: number, length: number): [from: number, to: number] {
  return [Math.floor((i * length) / grid), Math.ceil(((i + 1) * length) / grid)]
}

function average({ data, offset, width }: Map2d, top: number, bottom: number, left: number, right: number) {
  let sum = 0
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += data[offset + y * width + x]
  return sum / ((bottom - top) * (right - left))
}

function maximum({ data, offset, width }: Map2d, top: number, bottom: number, left: number, right: number) {
  let most = Number.NEGATIVE_INFINITY
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const value = data[offset + y * width + x]
      // Keep NaN, so that the SVM reports it.
      if (value > most || Number.isNaN(value)) most = value
    }
  }
  return most
}

function product(numbers: readonly number[]): number {
  return numbers.reduce((all, n) => all * n, 1)
}

/**
 * @param shape the layer's output shape for one image
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` if a layer does not return one row of that shape per image
 */
export function checkRows(
  { dims }: Activation,
  layer: string,
  batch: number,
  shape: readonly number[] = dims.slice(1),
): void {
  const isWhole = dims.length >= 2 && dims[0] === batch && dims.every((size) => size > 0)
  if (isWhole && dims.length === shape.length + 1 && shape.every((size, i) => size === dims[i + 1])) return
  const hint = batch > 1 ? '; a batchSize of 1 may help' : ''
  throw new SoftmarginError(
    'MODEL_UNSUPPORTED',
    `layer '${layer}' must return one row for each image, always of the same shape, but returns [${dims.join(', ')}] for a batch of ${batch}${hint}`,
    {
      argument: 'layer',
      received: layer,
      expected: 'a layer whose first dimension, and no other, is the batch',
    },
  )
}
