import { invalidArgument } from '../core/errors.ts'

/** Rows and columns of a grid. */
export interface GridSize {
  height: number
  width: number
}

/**
 * The layout of a layer's values, as far as it can be inferred from the graph. Layers of four dimensions are maps; layers
 * of three dimensions are sequences of tokens, as in transformers.
 */
export interface Arrangement {
  /** Axis of the channels; axis 0 is the batch. Default: 1 for maps, the last axis for tokens. */
  channelAxis?: number | undefined
  /** Number of class and register tokens, which come before the patch tokens. Default 0. */
  prefixTokens?: number | undefined
  /** The grid of patches from which the following tokens are computed, row by row, if it is known. */
  patches?: GridSize | undefined
  /** Whether the network's own head reads the class token. Default false. */
  readsClassToken?: boolean | undefined
}

/** How to address the values of one image in a layer: by strides for channel, y and x. */
export interface SpatialView extends GridSize {
  channels: number
  /** Index of the first channel at (0, 0). */
  offset: number
  channelStride: number
  rowStride: number
  columnStride: number
  /** Whether rows and columns are those of the image; otherwise the tokens form one column. */
  isRectangular: boolean
}

/**
 * The spatial arrangement of one image of a layer; `undefined` for layers without height and width.
 *
 * @param dims dimensions of the layer, batch first
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for `prefixTokens` that leave no patch token
 */
export function spatialView(dims: readonly number[], arrangement: Arrangement = {}): SpatialView | undefined {
  if (dims.length === 4) return arrangement.channelAxis === 3 ? channelsLast(dims) : channelsFirst(dims)
  if (dims.length === 3) return tokens(dims, arrangement)
  return undefined
}

/** The class token of one image of a layer of tokens, as a map of one pixel. */
export function classTokenView(dims: readonly number[], { channelAxis }: Arrangement): SpatialView {
  const isFirst = channelAxis === 1
  const [, tokens, channels] = isFirst ? [0, dims[2], dims[1]] : dims
  return {
    ...{ channels, height: 1, width: 1, offset: 0, isRectangular: true },
    ...{ channelStride: isFirst ? tokens : 1, rowStride: 0, columnStride: 0 },
  }
}

function channelsFirst([, channels, height, width]: readonly number[]): SpatialView {
  return {
    ...{ channels, height, width, offset: 0, isRectangular: true },
    ...{ channelStride: height * width, rowStride: width, columnStride: 1 },
  }
}

function channelsLast([, height, width, channels]: readonly number[]): SpatialView {
  return {
    ...{ channels, height, width, offset: 0, isRectangular: true },
    ...{ channelStride: 1, rowStride: width * channels, columnStride: channels },
  }
}

function tokens(dims: readonly number[], arrangement: Arrangement): SpatialView {
  const { channelAxis, prefixTokens = 0, patches } = arrangement
  const isFirst = channelAxis === 1
  const [, length, channels] = isFirst ? [0, dims[2], dims[1]] : dims
  if (prefixTokens >= length) {
    throw invalidArgument('prefixTokens', prefixTokens, `less than ${length}, the layer's number of tokens`)
  }
  const isRectangular = patches !== undefined && patches.height * patches.width === length - prefixTokens
  const { height, width } = isRectangular ? patches : { height: length - prefixTokens, width: 1 }
  const step = isFirst ? 1 : channels
  return {
    ...{ channels, height, width, offset: prefixTokens * step, isRectangular },
    ...{ channelStride: isFirst ? length : 1, rowStride: width * step, columnStride: step },
  }
}
