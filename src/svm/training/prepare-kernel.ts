import type { Matrix } from '../../core/matrix.ts'
import { preciseKernel } from '../../engine/kernel/closeness.ts'
import { type ColumnStats, columnStats as surveyRows } from '../../engine/kernel/column-stats.ts'
import {
  conditioningFromStats,
  powerOfTwoScale,
  rescaled,
  type SvmKernel,
} from '../../engine/kernel/kernel.ts'
import type { KernelMatrix } from '../../engine/kernel/kernel-matrix.ts'
import { PackedRows } from '../../engine/kernel/packed-rows.ts'
import { Packer, packedBytes } from '../../engine/kernel/packer.ts'
import { PrecomputedRows } from '../../engine/kernel/precomputed-kernel.ts'
import { runsOf } from '../../engine/kernel/runs.ts'
import { solveDualBytes } from '../../engine/solver/solver.ts'
import type { Engine } from '../../engine/wasm/engine.ts'
import type { TimeSlice } from '../../engine/wasm/time-slice.ts'

/** Rows that are to be fitted on, with their memory in the engine. */
export interface PreparedKernel {
  source: KernelMatrix
  /** Brings the rows of each group, before they are worked with; kernel values that X holds come by themselves. */
  packer: Packer | undefined
  /** Kernel values are so many times as large as they should be: the dual is the same with b so much smaller. */
  unit: number
  /** What was taken from each row, if that moves a linear kernel. */
  centre: Float32Array | undefined
  /** Whether kernel values are made in float64. */
  precise: boolean
}

/**
 * Lays out the rows of the groups in the engine, or their kernel values if these are what X holds.
 *
 * @param o.centred whether the b of every problem will sum to 0, so that a linear kernel may be centred
 * @param o.precise whether kernel values are made in float64 even where they do not lie close together
 * @throws {SoftmarginError} `ABORTED`; `OUT_OF_MEMORY`, before any work is done, if a fit on these rows has no room
 */
export async function prepareKernel(
  engine: Engine,
  { X, groups, survey }: { X: Matrix; groups: Int32Array[]; survey: ColumnStats },
  kernel: SvmKernel,
  timeSlice: TimeSlice,
  o: { centred: boolean; precise: boolean },
): Promise<PreparedKernel> {
  const bytes = kernel.kind === 'precomputed' ? PrecomputedRows.bytes(groups) : packedBytes(groups, X.cols)
  engine.reserve(bytes + solveDualBytes(engine, runsOf(groups)))
  if (kernel.kind === 'precomputed') {
    const unit = powerOfTwoScale(survey.largest)
    const source = new PrecomputedRows(engine, X, groups, unit)
    return { source, packer: undefined, unit, centre: undefined, precise: false }
  }
  const used = groups.reduce((sum, group) => sum + group.length, 0)
  // Rows that weigh nothing have no say in this either.
  const left = used < X.rows ? X.select(groups.flatMap((g) => [...g])) : X
  const own = used < X.rows ? await surveyRows(engine, left, timeSlice) : survey
  const conditioning = conditioningFromStats(own, kernel.kind)
  if (kernel.kind === 'linear' && !o.centred) conditioning.centre = undefined
  conditioning.precise = preciseKernel(left, kernel, own, { centred: o.centred, forced: o.precise })
  if (conditioning.precise) conditioning.centre = undefined
  const { centre, scale } = conditioning
  const packer = new Packer(engine, X, groups, rescaled(kernel, scale), conditioning)
  const source = new PackedRows(engine, packer.layout)
  const linear = kernel.kind === 'linear'
  return {
    ...{ source, packer, unit: linear ? scale * scale : 1, centre: linear ? centre : undefined },
    precise: conditioning.precise !== undefined,
  }
}
