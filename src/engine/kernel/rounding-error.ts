// Estimates and measures how much float32 rounding affected a solution.

import type { Engine } from '../wasm/engine.ts'
import type { Kernel } from './kernel.ts'
import { type PackedRows, WIDE_COLUMNS, WIDE_ROWS } from './packed-rows.ts'
import type { Run } from './runs.ts'

/** The rounding error of K b of a solution. */
export interface RoundingError {
  /** The largest absolute error of K b over some sampled rows, after subtracting `offset`. */
  error: number
  /** The mean error over these rows: by how much the solver's K b is too large. It only shifts rho. */
  offset: number
}

/** Bound of the relative error of a float32 kernel value, which is rounded several times. */
const MAX_RELATIVE_ERROR = 2 ** -22

/** An error of K b is significant above this multiple of the tolerance and this fraction of the margin. */
const TOLERANCES = 3
const MARGIN_SHARE = 0.003

/**
 * Whether rounding changes decision values by more than the solver's tolerance accounts for.
 *
 * @param tolerance the solver's tolerance
 * @param margin the scale on which decision values matter: 1 for a classifier
 */
export function isImprecise({ error }: RoundingError, tolerance: number, margin: number): boolean {
  return !(error <= Math.max(TOLERANCES * tolerance, MARGIN_SHARE * margin))
}

/**
 * Estimates, pessimistically, by how much float32 rounding may have changed K b, from the magnitudes of b and of the
 * kernel.
 *
 * @param beta b of each point
 * @param diagonal K(x, x) of each point
 */
export function expectedError(
  beta: ArrayLike<number>,
  diagonal: ArrayLike<number>,
  { kind, degree }: Kernel,
): number {
  let squares = 0
  let sum = 0
  let count = 0
  for (let k = 0; k < beta.length; k++) {
    const size = Math.abs(diagonal[k])
    squares += beta[k] * beta[k] * size
    sum += size
    if (size > 0) count++
  }
  return count === 0
    ? 0
    : MAX_RELATIVE_ERROR * (kind === 'poly' ? Math.max(1, degree) : 1) * Math.sqrt((squares * sum) / count)
}

/**
 * Recomputes K b of up to `WIDE_ROWS` rows with kernel values and sums in float64, and compares it with the solver's.
 *
 * @param b b of every point, run by run; for a run paired with itself, the sums of b of both points of a row
 * @param runs positions of the points
 * @param products K b of each point as computed by the solver
 */
export function roundingError(
  engine: Engine,
  rows: PackedRows,
  runs: Run[],
  b: Float64Array,
  products: ArrayLike<number>,
): RoundingError {
  const points: { position: number; point: number }[] = []
  for (let r = 0, first = 0; r < runs.length; first += runs[r++].size) {
    const { start, count } = runs[r]
    const looked = Math.min(count, WIDE_ROWS / runs.length)
    for (let k = 0; k < looked; k++) {
      const at = Math.floor(((k + 0.5) * count) / looked)
      points.push({ position: start + at, point: first + at })
    }
  }
  if (points.length === 0) return { error: 0, offset: 0 }
  rows.gather(points.map(({ position }) => position))
  const exact = new Float64Array(points.length)
  for (let r = 0, first = 0; r < runs.length; first += runs[r++].size) {
    const { start, size } = runs[r]
    for (let from = 0; from < size; from += WIDE_COLUMNS) {
      const cols = Math.min(WIDE_COLUMNS, size - from)
      const block = b.subarray(first + from, first + from + cols)
      if (block.every((value) => value === 0)) continue
      rows.computeBlockFloat64(points.length, start + from, cols, rows.wide, cols * 8)
      const values = engine.float64(rows.wide, points.length * cols)
      for (let p = 0; p < points.length; p++) {
        for (let k = 0; k < cols; k++) if (block[k] !== 0) exact[p] += block[k] * values[p * cols + k]
      }
    }
  }
  const errors = points.map(({ point }, p) => products[point] - exact[p])
  const offset = errors.reduce((sum, error) => sum + error, 0) / errors.length
  return { error: Math.max(...errors.map((error) => Math.abs(error - offset))), offset }
}
