import type { KernelMatrix } from '../kernel/kernel-matrix.ts'
import type { Engine } from '../wasm/engine.ts'
import { BlockRows } from './block-rows.ts'
import { RowCache } from './row-cache.ts'
import type { RowProvider } from './row-provider.ts'

/** Runs of at most this many points use whole blocks: computing rows on demand would save nothing. */
const MAX_WHOLE_BLOCK_POINTS = 512

/**
 * Rows for a single dual problem, which needs no block for another pair: whole blocks if it is small, otherwise a cache.
 *
 * @param cacheBytes bytes for kernel rows
 * @throws {SoftmarginError} `OUT_OF_MEMORY`
 */
export function chooseRows(engine: Engine, rows: KernelMatrix, cacheBytes: number): RowProvider {
  const { runs } = rows
  // Leave room for a batch of rows that is being computed.
  const bytes = Math.min(cacheBytes, engine.room - RowCache.leastBytes(engine, runs))
  const small =
    Math.max(...runs.map(({ size }) => size)) <= MAX_WHOLE_BLOCK_POINTS && BlockRows.bytes(runs) <= bytes
  if (small) return new BlockRows(engine, rows)
  return new RowCache(engine, rows, Math.min(bytes, RowCache.mostBytes(runs)))
}
