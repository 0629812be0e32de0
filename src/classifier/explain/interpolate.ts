import type { Size } from '../../image/preprocess-options.ts'

/** A grid of values that covers a picture. */
export interface ValueGrid {
  data: ArrayLike<number>
  rows: number
  cols: number
}

/**
 * The value of a grid between its points, bilinearly; the value of the nearest point beyond the outer ones.
 *
 * @param row 0 for the points of the first row
 */
export function interpolate({ data, rows, cols }: ValueGrid, row: number, column: number): number {
  const [y, v] = wholeAndFraction(row, rows)
  const [x, u] = wholeAndFraction(column, cols)
  const at = y * cols
  const below = Math.min(y + 1, rows - 1) * cols
  const right = Math.min(x + 1, cols - 1)
  const upper = data[at + x] * (1 - u) + data[at + right] * u
  const lower = data[below + x] * (1 - u) + data[below + right] * u
  return upper * (1 - v) + lower * v
}

function wholeAndFraction(at: number, length: number): [whole: number, fraction: number] {
  const clamped = Math.min(length - 1, Math.max(0, at))
  const whole = Math.floor(clamped)
  return [whole, clamped - whole]
}

/**
 * The coordinate in a grid of a position in the picture that the grid covers: 0 in the middle of the first cell.
 *
 * @param position distance from the edge of the picture; that of pixel i is i + 0.5
 * @param size side of the picture
 * @param cells number of cells along the side
 */
export function gridCoordinate(position: number, size: number, cells: number): number {
  return (position * cells) / size - 0.5
}

/** Upsamples a grid bilinearly to the size of a picture, row by row. */
export function upsample(grid: ValueGrid, { width, height }: Size): Float32Array {
  const values = new Float32Array(width * height)
  for (let y = 0, i = 0; y < height; y++) {
    const row = gridCoordinate(y + 0.5, height, grid.rows)
    for (let x = 0; x < width; x++, i++)
      values[i] = interpolate(grid, row, gridCoordinate(x + 0.5, width, grid.cols))
  }
  return values
}
