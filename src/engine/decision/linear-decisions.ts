import { Matrix } from '../../core/matrix.ts'
import type { Conditioning } from '../kernel/kernel.ts'
import { Packer } from '../kernel/packer.ts'
import { pairsOf } from '../kernel/pairs.ts'
import type { Engine } from '../wasm/engine.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import { type Expansion, forEachCoefficient } from './expansion.ts'
import { MAX_FLOAT32_ERROR, UNIT_ROUNDOFF } from './float32-decider.ts'
import type { DecisionLayout } from './row-decider.ts'

/**
 * Lays out a linear expansion for float32; undefined if that would be too inaccurate. It collapses to one weight vector
 * per pair; these are packed instead of the support vectors.
 */
export async function layOutLinear(
  engine: Engine,
  expansion: Expansion,
  conditioning: Conditioning,
  timeSlice: TimeSlice,
): Promise<DecisionLayout | undefined> {
  const { kernel, nSupport, supportVectors } = expansion
  const pairs = pairsOf(nSupport.length)
  const { weights, intercept } = await collapse(expansion, pairs, conditioning, timeSlice)
  if (linearError(weights, supportVectors, conditioning) > MAX_FLOAT32_ERROR) return undefined
  const groups = [Int32Array.from(pairs.keys())]
  const plain = { centre: undefined, scale: 1 }
  const rows = await new Packer(engine, weights, groups, kernel, plain).packAll(timeSlice)
  return { rows, conditioning, weights: undefined, intercept }
}

/**
 * Estimates the float32 rounding error of a linear SVM's decision values as u |w| rms(|x|), where u is the unit roundoff
 * and x a support vector: rounding errors are taken to be independent, and new rows to be as large as support vectors.
 */
function linearError(weights: Matrix, vectors: Matrix, { centre, scale }: Conditioning): number {
  let squares = 0
  for (let s = 0; s < vectors.rows; s++) {
    const row = vectors.row(s)
    for (let k = 0; k < row.length; k++) squares += (row[k] - (centre?.[k] ?? 0)) ** 2
  }
  let most = 0
  for (let p = 0; p < weights.rows; p++) {
    most = Math.max(
      most,
      weights.row(p).reduce((sum, weight) => sum + weight * weight, 0),
    )
  }
  return UNIT_ROUNDOFF * Math.sqrt(most * (squares / Math.max(1, vectors.rows))) * scale
}

/** Collapses a linear expansion to weights for conditioned rows, pairs x columns, and the matching intercepts. */
async function collapse(
  expansion: Expansion,
  pairs: [number, number][],
  { centre, scale }: Conditioning,
  timeSlice: TimeSlice,
): Promise<{ weights: Matrix; intercept: Float64Array }> {
  const { supportVectors, intercept } = expansion
  const { cols, data } = supportVectors
  const weights = new Matrix(new Float32Array(pairs.length * cols), pairs.length, cols)
  const moved = new Float64Array(pairs.length)
  const sum = new Float64Array(cols)
  for (const [p, pair] of pairs.entries()) {
    sum.fill(0)
    const terms: [number, number][] = []
    forEachCoefficient(expansion, pair, (coefficient, s) => terms.push([coefficient, s]))
    await timeSlice.forEachChunk(terms.length, cols, (from, to) => {
      for (const [coefficient, s] of terms.slice(from, to)) {
        for (let k = 0; k < cols; k++) sum[k] += coefficient * data[s * cols + k]
      }
    })
    moved[p] = intercept[p]
    for (let k = 0; k < cols; k++) {
      weights.data[p * cols + k] = sum[k] / scale
      moved[p] += sum[k] * (centre?.[k] ?? 0)
    }
  }
  return { weights, intercept: moved }
}
