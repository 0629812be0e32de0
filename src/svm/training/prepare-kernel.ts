import type { Matrix } from '../../core/matrix.ts'
import { preciseKernel } from '../../engine/kernel/closeness.ts'
import { type ColumnStats, columnStats as surveyRows } from '../../engine/kernel/column-stats.ts'
import type { GramLayout } from '../../engine/kernel/gram.ts'
import {
  conditioningFromStats,
  powerOfTwoScale,
  rescaled,
  type SvmKernel,
  unitOf,
} from '../../engine/kernel/kernel.ts'
import type { KernelMatrix } from '../../engine/kernel/kernel-matrix.ts'
import { PackedRows } from '../../engine/kernel/packed-rows.ts'
import { Packer, repacked } from '../../engine/kernel/packer.ts'
import { PrecisePacker } from '../../engine/kernel/precise-packer.ts'
import { PrecomputedRows } from '../../engine/kernel/precomputed-kernel.ts'
import { RowCache } from '../../engine/rows/row-cache.ts'
import { Solver } from '../../engine/solver/solver.ts'
import type { Engine } from '../../engine/wasm/engine.ts'
import type { TimeSlice } from '../../engine/wasm/time-slice.ts'

/** The rows to fit on, laid out in the engine's memory. */
export interface PreparedKernel {
  source: KernelMatrix
  /**
   * Packs the rows of each group, which must be done before they are used. Undefined if nothing is to be packed: for a
   * precomputed kernel, and with a Gram matrix.
   */
  packer: Packer | undefined
  /** The factor by which kernel values are too large. The dual is the same problem with b smaller by this factor. */
  unit: number
  /** What was subtracted from each row, if the kernel is linear, which is not invariant to it. */
  centre: Float32Array | undefined
  /** Whether kernel values are computed in float64. */
  precise: boolean
}

/**
 * Lays out the rows of the groups, or their precomputed kernel values, in the engine's memory.
 *
 * @param o.centred whether b sums to 0 in every problem, so that the rows of a linear kernel may be centred
 * @param o.gram dot products of the rows, in this engine; used unless kernel values are computed in float64
 * @param o.precise whether to compute kernel values in float64 even if they are not close together
 * @throws {SoftmarginError} `ABORTED`; `OUT_OF_MEMORY`, before any row is packed, if there is no room for a fit on
 *   these rows
 */
export async function prepareKernel(
  engine: Engine,
  { X, groups, survey }: { X: Matrix; groups: Int32Array[]; survey: ColumnStats },
  kernel: SvmKernel,
  timeSlice: TimeSlice,
  o: { centred: boolean; precise: boolean; gram?: GramLayout | undefined },
): Promise<PreparedKernel> {
  if (kernel.kind === 'precomputed') {
    const unit = powerOfTwoScale(survey.largest)
    const layOut = () => ({ source: new PrecomputedRows(engine, X, groups, unit), packer: undefined })
    reserve(engine, layOut)
    return { ...layOut(), unit, centre: undefined, precise: false }
  }
  const used = groups.reduce((sum, group) => sum + group.length, 0)
  // Rows of weight 0 must not affect the column statistics either.
  const left = used < X.rows ? X.select(groups.flatMap((g) => [...g])) : X
  const stats = used < X.rows ? await surveyRows(engine, left, timeSlice) : survey
  const conditioning = conditioningFromStats(stats, kernel.kind)
  if (kernel.kind === 'linear' && !o.centred) conditioning.centre = undefined
  conditioning.precise = preciseKernel(left, kernel, stats, { centred: o.centred, forced: o.precise })
  if (conditioning.precise) conditioning.centre = undefined
  const { centre, scale } = conditioning
  const prepared = {
    unit: unitOf(kernel, scale),
    centre: kernel.kind === 'linear' ? centre : undefined,
    precise: conditioning.precise !== undefined,
  }
  if (o.gram && !conditioning.precise) {
    const { rows, products } = o.gram
    const layout = { ...repacked(engine, rows, rescaled(kernel, scale)), products }
    return { ...prepared, source: new PackedRows(engine, layout), packer: undefined }
  }
  const layOut = () => {
    const packer = new Packer(engine, X, groups, rescaled(kernel, scale), conditioning, PrecisePacker)
    return { source: new PackedRows(engine, packer.layout), packer }
  }
  reserve(engine, layOut)
  return { ...prepared, ...layOut() }
}

/** Fails if there is no room for the rows, a problem, its solver and two batches of kernel rows. */
function reserve(engine: Engine, layOut: () => { source: KernelMatrix }): void {
  const bytes = engine.measure(() => {
    const { source } = layOut()
    new Solver(engine, source.runs, source.kind)
    new RowCache(engine, source, 0)
    engine.allocate(RowCache.leastBytes(engine, source.runs))
  })
  engine.reserve(bytes)
}
