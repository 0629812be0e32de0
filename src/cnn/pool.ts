import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import type { Activation } from './session.ts'

/**
 * How a layer's activations become one row of numbers.
 *
 * - `'average'`, `'max'`: over the whole map, one number a channel
 * - `{ grid: g }`: the average of each cell of a g x g grid, channels * g * g numbers. Cell i of g covers
 *   the rows from floor(i * H / g) up to ceil((i + 1) * H / g), as PyTorch's `adaptive_avg_pool2d` has it
 * - `'none'`: flattened, every number of the map, channel after channel
 * - `'auto'`: `'average'` for maps, `'none'` for layers that have no height and width
 */
export type Pooling = 'auto' | 'average' | 'max' | 'none' | { grid: number }

/** A pooling with `'auto'` decided. */
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
 * Decides `'auto'` for a layer of these dimensions.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for pooling over a layer that has no height and width
 */
export function resolvePooling(
  pooling: Pooling,
  dims: readonly number[],
  argument = 'pooling',
): ResolvedPooling {
  if (pooling === 'auto') return dims.length === 4 ? 'average' : 'none'
  if (pooling !== 'none' && dims.length !== 4) {
    throw invalidArgument(argument, pooling, `'auto' or 'none', since the layer answers [${dims.join(', ')}]`)
  }
  return pooling
}

/** How many numbers an image has after pooling. */
export function pooledSize(pooling: ResolvedPooling, dims: readonly number[]): number {
  if (pooling === 'none') return product(dims.slice(1))
  return typeof pooling === 'object' ? dims[1] * pooling.grid * pooling.grid : dims[1]
}

/**
 * Pools the first `rows` images of a batch into rows of `target`. Sums are float64, row after row.
 *
 * @param target float32 of at least `rows * pooledSize(pooling, dims)`
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
      // NaN must not get lost: the SVM names it.
      if (value > most || Number.isNaN(value)) most = value
    }
  }
  return most
}

function product(numbers: readonly number[]): number {
  return numbers.reduce((all, n) => all * n, 1)
}

/**
 * @param shape what the layer answers for one image
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` if a layer does not answer one row of that shape for each image
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
    `layer '${layer}' must answer one row for each image, always of the same shape, but answers [${dims.join(', ')}] for ${batch}${hint}`,
    {
      argument: 'layer',
      received: layer,
      expected: 'a layer whose first dimension, and no other, is the batch',
    },
  )
}
