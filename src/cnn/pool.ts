import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import type { Activation } from './running-network.ts'
import { type Arrangement, classTokenView, type SpatialView, spatialView } from './spatial-view.ts'

/**
 * How a layer's activations are reduced to one feature vector.
 *
 * - `'average'`, `'max'`: over the whole map, one number per channel; in a transformer over the patch tokens, without
 *   class and register tokens (see `prefixTokens`)
 * - `{ grid: g }`: the average of each cell of a g x g grid, channels * g * g numbers. Cell i of g covers
 *   rows floor(i * H / g) to ceil((i + 1) * H / g), exclusive, as in PyTorch's `adaptive_avg_pool2d`
 * - `'cls'`: the class token of a transformer, the first of its tokens
 * - `'none'`: the flattened map, channel by channel; for tokens, token by token
 * - `'auto'`: `'cls'` for tokens if the network's own head reads the class token, otherwise `'average'` for maps and
 *   tokens; `'none'` for layers without height and width
 */
export type Pooling = 'auto' | 'average' | 'max' | 'cls' | 'none' | { grid: number }

/** A pooling with `'auto'` resolved. */
export type ResolvedPooling = Exclude<Pooling, 'auto'>

const names = ['auto', 'average', 'max', 'cls', 'none']

/** @throws {SoftmarginError} `INVALID_ARGUMENT` */
export function checkPooling(pooling: Pooling, argument = 'pooling'): void {
  if (typeof pooling === 'object' && pooling !== null) {
    const { grid } = pooling
    if (Number.isSafeInteger(grid) && grid >= 1 && grid <= 1024) return
    throw invalidArgument(`${argument}.grid`, grid, 'an integer from 1 to 1024')
  }
  if (!names.includes(pooling)) {
    throw invalidArgument(argument, pooling, `'auto', 'average', 'max', 'cls', 'none' or { grid: number }`)
  }
}

/**
 * Resolves `'auto'` for a layer with these dimensions.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for a pooling that the layer does not allow: over a layer without height
 *   and width, a grid of tokens that are not known to form a rectangle, a class token where there is none
 */
export function resolvePooling(
  pooling: Pooling,
  dims: readonly number[],
  arrangement: Arrangement = {},
  argument = 'pooling',
): ResolvedPooling {
  const view = spatialView(dims, arrangement)
  if (pooling === 'auto') return !view ? 'none' : arrangement.readsClassToken ? 'cls' : 'average'
  if (pooling === 'none') return pooling
  const shape = `[${dims.join(', ')}]`
  if (!view) throw invalidArgument(argument, pooling, `'auto' or 'none' for a layer of shape ${shape}`)
  if (pooling === 'cls' && (dims.length !== 3 || !arrangement.prefixTokens)) {
    const why = dims.length === 3 ? 'has no class token: see prefixTokens' : 'is not made of tokens'
    const message = `pooling 'cls' needs a class token, but the layer of shape ${shape} ${why}`
    throw invalidArgument(argument, pooling, 'another pooling', message)
  }
  if (typeof pooling === 'object' && !view.isRectangular) {
    const message = `a grid needs patch tokens that form a rectangle, which is not known of the ${view.height} of this layer: see prefixTokens`
    throw invalidArgument(argument, pooling, `'auto', 'average', 'max' or 'none'`, message)
  }
  return pooling
}

/** Number of features per image after pooling. */
export function pooledSize(
  pooling: ResolvedPooling,
  dims: readonly number[],
  arrangement: Arrangement = {},
): number {
  const view = spatialView(dims, arrangement)
  if (pooling === 'none' || !view) return product(dims.slice(1))
  return typeof pooling === 'object' ? view.channels * pooling.grid * pooling.grid : view.channels
}

/**
 * Pools the first `rows` images of a batch into the rows of `target`. Sums are accumulated in float64 in
 * row-major order.
 *
 * @param target float32 of length at least `rows * pooledSize(pooling, dims, arrangement)`
 */
export function pool(
  { data, dims }: Activation,
  pooling: ResolvedPooling,
  rows: number,
  target: Float32Array,
  arrangement: Arrangement = {},
): void {
  const length = product(dims.slice(1))
  const view = pooling === 'cls' ? classTokenView(dims, arrangement) : spatialView(dims, arrangement)
  if (pooling === 'none' || !view) {
    target.set(data.subarray(0, rows * length))
    return
  }
  const grid = typeof pooling === 'object' ? pooling.grid : 1
  const reduce = pooling === 'max' ? maximum : average
  const map = { ...view, data }
  let to = 0
  for (let row = 0; row < rows; row++) {
    for (let channel = 0; channel < view.channels; channel++) {
      map.offset = row * length + view.offset + channel * view.channelStride
      for (let i = 0; i < grid; i++) {
        const [top, bottom] = cell(i, grid, view.height)
        for (let j = 0; j < grid; j++) {
          const [left, right] = cell(j, grid, view.width)
          target[to++] = reduce(map, top, bottom, left, right)
        }
      }
    }
  }
}

/** One channel of one image. */
type Map2d = SpatialView & { data: Float32Array }

function cell(i: number, grid: number, length: number): [from: number, to: number] {
  return [Math.floor((i * length) / grid), Math.ceil(((i + 1) * length) / grid)]
}

function average(map: Map2d, top: number, bottom: number, left: number, right: number) {
  const { data, offset, rowStride, columnStride } = map
  let sum = 0
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) sum += data[offset + y * rowStride + x * columnStride]
  }
  return sum / ((bottom - top) * (right - left))
}

function maximum(map: Map2d, top: number, bottom: number, left: number, right: number) {
  const { data, offset, rowStride, columnStride } = map
  let most = Number.NEGATIVE_INFINITY
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const value = data[offset + y * rowStride + x * columnStride]
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
