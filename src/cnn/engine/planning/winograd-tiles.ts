/** The tiles of a convolution by Winograd along one side of its output. */
export interface TileSide {
  /** The first row (or column) of each tile. */
  starts: number[]
  /** How many rows of the output are in each. */
  lengths: number[]
  /** Whether a tile is transformed for three rows. */
  areThree: boolean[]
}

/**
 * Divides a side of an output among tiles: all of the same size; or, for forms of four rows that may have three, the last
 * ones of three, where no more tiles are needed for it. 7 are 4 + 3 and 14 are 4 + 4 + 3 + 3.
 *
 * @param side rows of a tile
 */
export function tileSide(size: number, side: number, mayHaveThree: boolean): TileSide {
  const count = Math.ceil(size / side)
  const threes = mayHaveThree ? Math.min(count, count * side - size) : 0
  const areThree = Array.from({ length: count }, (_, i) => i >= count - threes)
  const starts = areThree.map((_, i) => i * side - Math.max(0, i - (count - threes)))
  const lengths = areThree.map((isThree, i) => Math.min(isThree ? 3 : side, size - starts[i]))
  return { starts, lengths, areThree }
}
