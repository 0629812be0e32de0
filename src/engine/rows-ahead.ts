import type { Engine } from './engine.ts'

/** In place of an iteration: the row was asked for, not made ahead. */
export const ASKED = -1

/**
 * How many rows to make at once, from one strip of the tiles to eight: the more, the more of those that were made
 * ahead were used.
 *
 * @param points that have rows
 * @param arrived for each point that has a row, the iteration at which it was made, or `ASKED`
 * @param used the iteration that last used each point's row
 * @param twin what lies between two points with the same row, 0 if there are none
 */
export function worthMaking(
  engine: Engine,
  points: Iterable<number>,
  arrived: Int32Array,
  used: Int32Array,
  twin = 0,
): number {
  let ahead = 0
  let hits = 0
  for (const point of points) {
    if (arrived[point] === ASKED) continue
    ahead++
    if (used[point] > arrived[point] || used[point + twin] > arrived[point]) hits++
  }
  const share = ahead > 0 ? hits / ahead : 0
  const strips = share < 1 / 8 ? 1 : share < 1 / 4 ? 2 : share < 1 / 2 ? 4 : 8
  return strips * engine.exports.TILE_ROWS.value
}
