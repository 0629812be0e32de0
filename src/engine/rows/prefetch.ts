// Batch size for computing kernel rows ahead of their use.

import type { Engine } from '../wasm/engine.ts'

/** A sixth of the rows in memory is computed at once. */
const PART = 6
/** Maximum number of strips computed at once. */
const MAX_STRIPS = 8

/**
 * How many kernel rows to compute at once: a sixth of those in memory, between one strip and eight. A whole strip takes
 * little longer than a single row, and the limit keeps the number of unused rows small.
 *
 * @param present number of rows in memory
 * @returns a multiple of the rows of a strip
 */
export function prefetchCount(engine: Engine, present: number): number {
  const rows = engine.exports.TILE_ROWS.value
  return Math.min(Math.max(Math.round(present / (PART * rows)), 1), MAX_STRIPS) * rows
}
