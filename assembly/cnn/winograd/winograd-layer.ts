// What `winograd` is told about a layer, and the numbers of its forms.

import { Epilogue } from '../activation'

/** Tiles of 4 x 4 and of 2 x 2 pixels, stride 1. */
export const F4: i32 = 0
export const F2: i32 = 1
/** Tiles of 4 x 4 and of 2 x 2 pixels, stride 2. */
export const STRIDED4: i32 = 2
export const STRIDED2: i32 = 3

/** Rows (and columns) of the map that a tile reads, which are as many as its rows of planes. */
// @ts-ignore: decorator
@inline
export function inputSide(form: i32): i32 {
  return form == F4 ? 6 : form == F2 ? 4 : form == STRIDED4 ? 9 : 5
}

/** Rows (and columns) of transformed weights: the planes of odd rows with stride 2 share theirs. */
// @ts-ignore: decorator
@inline
export function weightSide(form: i32): i32 {
  return form == F4 || form == STRIDED4 ? 6 : 4
}

/**
 * Whether a row (or column) of planes belongs to the fourth output of a tile alone: tiles that are told to have three leave it
 * out.
 */
// @ts-ignore: decorator
@inline
export function isForFour(form: i32, row: i32): bool {
  if (form == F4) return row == 4
  return form == STRIDED4 && (row == 3 || row == 8)
}

/** The flags of tiles of F4 and STRIDED4 that are transformed for three rows, and for three columns. */
export const THREE_ROWS: u32 = 1 << 16
export const THREE_COLUMNS: u32 = 1 << 17

/** A convolution. src/cnn/engine/planning/winograd-layer.ts writes the fields in this order, 4 bytes each. */
@unmanaged
export class WinogradLayer {
  form: i32
  /** Tiles that are transformed together: a multiple of TILE_PIXELS. */
  block: i32
  /** Filters, rounded up to a multiple of 4. */
  filters: i32
  /** Bytes from row to row and from pixel to pixel of the input, whose channels are a multiple of 4. */
  rowBytes: usize
  pixelBytes: usize
  /** u32: the byte offset of each tile's first number in the input. */
  xTiles: usize
  /** Pairs of u32: the byte offset of each tile's first pixel in the output, its rows + 256 x its columns + flags. */
  outTiles: usize
  outRowBytes: usize
  outPixelBytes: usize
  /** u32: the byte offset of each tile's first pixel in the residual; its strides. All 0 without a residual. */
  residualTiles: usize
  residualRowBytes: usize
  residualPixelBytes: usize
  /**
   * As `tiles` takes them: one segment of all channels; or, if weights are transformed on the way, one of
   * WINOGRAD_CHANNELS and one of the channels that are left.
   */
  segments: usize
  /** u32: where the tiles of a block begin in a plane, and in the sums of a plane. */
  planeRows: usize
  sumRows: usize
  /** As `packWinograd` or `packUntransformed` writes them. */
  weights: usize
  /** 1 if `weights` are not transformed yet. */
  isLate: i32
  /** A number for each filter, up to the end of the last panel. */
  bias: usize
  /** As many zeros as a panel has channels. */
  zeros: usize
  /** Only its clamp is used. */
  epilogue: Epilogue
}
