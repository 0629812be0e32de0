import type { Engine } from '../engine/engine.ts'
import { GivenRows } from '../engine/given-rows.ts'
import { conditioningFor, conditioningOf, type MachineKernel, powerFor, rescaled } from '../engine/kernel.ts'
import type { KernelSource } from '../engine/kernel-source.ts'
import type { Pace } from '../engine/pace.ts'
import { PackedRows, runsOf } from '../engine/packed-rows.ts'
import { Packer, packedBytes } from '../engine/packer.ts'
import type { Survey } from '../engine/survey.ts'
import { trainBytes } from '../engine/train.ts'
import type { Matrix } from '../matrix.ts'

/** Rows that are to be fitted on, with their memory in the engine. */
export interface FitRows {
  source: KernelSource
  /** Brings the rows of each group, before they are worked with; kernel values that X holds come by themselves. */
  packer: Packer | undefined
  /** Kernel values are so many times as large as they should be: the dual is the same with b so much smaller. */
  unit: number
  /** What was taken from each row, if that moves a linear kernel. */
  centre: Float32Array | undefined
}

/**
 * Lays out the rows of the groups in the engine, or their kernel values if these are what X holds.
 *
 * @param o.centred whether the b of every problem will sum to 0, so that a linear kernel may be centred
 * @throws {SoftmarginError} `ABORTED`; `OUT_OF_MEMORY`, before any work is done, if a fit on these rows has no room
 */
export async function layOutRows(
  engine: Engine,
  { X, groups, survey }: { X: Matrix; groups: Int32Array[]; survey: Survey },
  kernel: MachineKernel,
  pace: Pace,
  o: { centred: boolean },
): Promise<FitRows> {
  const own = kernel.kind === 'precomputed' ? GivenRows.bytes(groups) : packedBytes(groups, X.cols)
  engine.reserve(own + trainBytes(engine, runsOf(groups)))
  if (kernel.kind === 'precomputed') {
    const unit = powerFor(survey.largest)
    return { source: new GivenRows(engine, X, groups, unit), packer: undefined, unit, centre: undefined }
  }
  const used = groups.reduce((sum, group) => sum + group.length, 0)
  // Rows that weigh nothing have no say in this either.
  const conditioning =
    used < X.rows
      ? await conditioningOf(engine, X.select(groups.flatMap((g) => [...g])), kernel.kind, pace)
      : conditioningFor(survey, kernel.kind)
  if (kernel.kind === 'linear' && !o.centred) conditioning.centre = undefined
  const { centre, scale } = conditioning
  const packer = new Packer(engine, X, groups, rescaled(kernel, scale), conditioning)
  const source = new PackedRows(engine, packer.layout)
  const linear = kernel.kind === 'linear'
  return { source, packer, unit: linear ? scale * scale : 1, centre: linear ? centre : undefined }
}
