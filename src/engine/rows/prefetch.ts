import type { Engine } from '../wasm/engine.ts'

/** What part of the rows that there are is made at once. */
const PART = 6
/** Strips that are made at once at most. */
const MOST_STRIPS = 8

/**
 * How many rows to make at once, for the tiles make a strip in little more time than a row: a sixth of those that
 * there are, from one strip to eight. What is made in vain is then little beside what is used.
 *
 * @param present rows that there are
 */
export function prefetchCount(engine: Engine, present: number): number {
  const rows = engine.exports.TILE_ROWS.value
  return Math.min(Math.max(Math.round(present / (PART * rows)), 1), MOST_STRIPS) * rows
}
