import type { Matrix } from '../../src/core/matrix.ts'
import type { Conditioning, Kernel } from '../../src/engine/kernel/kernel.ts'
import { PackedRows } from '../../src/engine/kernel/packed-rows.ts'
import { Packer } from '../../src/engine/kernel/packer.ts'
import type { Engine } from '../../src/engine/wasm/engine.ts'
import type { TimeSlice } from '../../src/engine/wasm/time-slice.ts'

/** Packs the rows of a matrix, group by group. */
export async function packRows(
  engine: Engine,
  X: Matrix,
  groups: ArrayLike<number>[],
  kernel: Kernel,
  conditioning: Conditioning,
  timeSlice: TimeSlice,
): Promise<PackedRows> {
  return new PackedRows(engine, await new Packer(engine, X, groups, kernel, conditioning).packAll(timeSlice))
}
