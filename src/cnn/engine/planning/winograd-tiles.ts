import type { MapShape } from '../lowering/operations.ts'

/** The tiles of a convolution by Winograd along one side of its output, in order. */
export interface TileSide {
  /** Rows (or columns) of the output. */
  size: number
  /** Rows of a tile. */
  side: number
  /** Number of tiles. */
  count: number
  /** How many of them, the last ones, are transformed for three rows. */
  threes: number
}

/** The tiles from top to bottom and from left to right. */
export type TileSides = readonly [down: TileSide, right: TileSide]

/**
 * Divides a side of an output among tiles: all of the same size; or, for forms of four rows that may have three, some of three
 * where no more tiles are needed for it. 7 are 4 + 3 and 14 are 4 + 4 + 3 + 3.
 *
 * @param side rows of a tile
 */
function tileSide(size: number, side: number, mayHaveThree: boolean): TileSide {
  const count = Math.ceil(size / side)
  return { size, side, count, threes: mayHaveThree ? Math.min(count, count * side - size) : 0 }
}

/** The tiles of an output. */
export function tileSides({ height, width }: MapShape, side: number, mayHaveThree: boolean): TileSides {
  return [tileSide(height, side, mayHaveThree), tileSide(width, side, mayHaveThree)]
}

/** The first row of a tile, how many rows of the output it has, and whether it is transformed for three. */
export function tileAt({ size, side, count, threes }: TileSide, index: number) {
  const fours = count - threes
  const start = index * side - Math.max(0, index - fours)
  const isThree = index >= fours
  return { start, length: Math.min(isThree ? 3 : side, size - start), isThree }
}
