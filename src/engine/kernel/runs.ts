/** A run of columns of the kernel matrix: the rows of one group. */
export interface Run {
  /** Position of the first row; a multiple of 8. */
  start: number
  /** Rows that exist. */
  count: number
  /** Rows with the padding: a multiple of 8. */
  size: number
}

/** Rows of a panel: TILE_COLS in assembly/simd.ts. */
export const PANEL = 8

/** The next multiple of a panel's rows. */
export function padded(count: number): number {
  return Math.ceil(count / PANEL) * PANEL
}

/** Runs for groups of rows, one after the other. */
export function runsOf(groups: ArrayLike<number>[]): Run[] {
  let start = 0
  return groups.map(({ length: count }) => {
    const run = { start, count, size: padded(count) }
    start += run.size
    return run
  })
}

/** Positions of runs that lie one after the other, with the padding. */
export function positionsIn(runs: Run[]): number {
  const last = runs[runs.length - 1]
  return last.start + last.size
}
