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
  const [y, v] = place(row, rows)
  const [x, u] = place(column, cols)
  const at = y * cols
  const below = Math.min(y + 1, rows - 1) * cols
  const right = Math.min(x + 1, cols - 1)
  const upper = data[at + x] * (1 - u) + data[at + right] * u
  const lower = data[below + x] * (1 - u) + data[below + right] * u
  return upper * (1 - v) + lower * v
}

function place(at: number, length: number): [whole: number, rest: number] {
  const clamped = Math.min(length - 1, Math.max(0, at))
  const whole = Math.floor(clamped)
  return [whole, clamped - whole]
}

/** The values of a grid for each pixel of a picture that it covers, row by row. */
export function spread(grid: ValueGrid, { width, height }: Size): Float32Array {
  const values = new Float32Array(width * height)
  for (let y = 0, i = 0; y < height; y++) {
    const row = ((y + 0.5) * grid.rows) / height - 0.5
    for (let x = 0; x < width; x++, i++)
      values[i] = interpolate(grid, row, ((x + 0.5) * grid.cols) / width - 0.5)
  }
  return values
}
