import { TILE_COLS } from '../wasm/bindings.ts'

/** A contiguous range of positions in the kernel matrix: the rows of one group (such as a class) and their padding. */
export interface Run {
  /** Position of the first row; a multiple of 8. */
  start: number
  /** Rows without padding. */
  count: number
  /** Rows with padding: a multiple of 8. */
  size: number
}

/** Rows of a panel. */
export const PANEL = TILE_COLS

/** `count` rounded up to a multiple of `PANEL`. */
export function padded(count: number): number {
  return Math.ceil(count / PANEL) * PANEL
}

/** Consecutive runs, one per group of rows. */
export function runsOf(groups: ArrayLike<number>[]): Run[] {
  let start = 0
  return groups.map(({ length: count }) => {
    const run = { start, count, size: padded(count) }
    start += run.size
    return run
  })
}

/** Total number of positions of consecutive runs, including padding. */
export function positionsIn(runs: Run[]): number {
  const last = runs[runs.length - 1]
  return last.start + last.size
}
