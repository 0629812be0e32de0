import { columnStats } from '../kernel/column-stats.ts'
import { powerOfTwoScale, rescaled, unitOf } from '../kernel/kernel.ts'
import { Packer } from '../kernel/packer.ts'
import { PairWeights } from '../kernel/pair-weights.ts'
import { vectorsOfClasses } from '../kernel/pairs.ts'
import { PrecisePacker } from '../kernel/precise-packer.ts'
import type { Engine } from '../wasm/engine.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import type { Expansion } from './expansion.ts'
import type { DecisionLayout } from './row-decider.ts'

/** Lays out an expansion for float64. */
export async function layOutPrecisely(
  engine: Engine,
  expansion: Expansion,
  timeSlice: TimeSlice,
): Promise<DecisionLayout> {
  const { supportVectors, kernel, dualCoef, intercept, nSupport } = expansion
  const scale = powerOfTwoScale((await columnStats(engine, supportVectors, timeSlice)).largest)
  const conditioning = { centre: undefined, scale, precise: { lessOne: false, origin: undefined } }
  const groups = vectorsOfClasses(nSupport)
  const packer = new Packer(
    engine,
    supportVectors,
    groups,
    rescaled(kernel, scale),
    conditioning,
    PrecisePacker,
  )
  const rows = await packer.packAll(timeSlice)
  const weights = PairWeights.allocate(engine, rows.runs, Number.POSITIVE_INFINITY)
  await weights.setAll(dualCoef, timeSlice, unitOf(kernel, scale))
  return { rows, conditioning, weights: weights.layout, intercept }
}
