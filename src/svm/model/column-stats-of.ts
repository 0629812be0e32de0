import type { Matrix } from '../../core/matrix.ts'
import { type ColumnStats, columnStats } from '../../engine/kernel/column-stats.ts'
import { Engine } from '../../engine/wasm/engine.ts'
import type { Simd } from '../../engine/wasm/module.ts'
import type { TimeSlice } from '../../engine/wasm/time-slice.ts'

/** Like `columnStats`, in an engine of its own. @throws {SoftmarginError} `ABORTED`, `HOST_UNSUPPORTED` */
export async function columnStatsOf(
  X: Matrix,
  simd: Simd,
  timeSlice: TimeSlice,
  selected?: Int32Array,
): Promise<ColumnStats> {
  const engine = await Engine.open(simd)
  try {
    return await columnStats(engine, X, timeSlice, selected)
  } finally {
    engine.close()
  }
}
