// Plans how a fit divides memory between threads, cached kernel rows and whole kernel blocks.

import type { KernelMatrix } from '../../engine/kernel/kernel-matrix.ts'
import { PackedRows } from '../../engine/kernel/packed-rows.ts'
import { BlockRows } from '../../engine/rows/block-rows.ts'
import { OffDiagonalRows } from '../../engine/rows/off-diagonal-rows.ts'
import { RowCache } from '../../engine/rows/row-cache.ts'
import { Solver } from '../../engine/solver/solver.ts'
import type { Engine } from '../../engine/wasm/engine.ts'

/** Classes of up to this many rows get whole blocks at once: computing single rows would save nothing. */
const MAX_WHOLE_BLOCK_ROWS = 64

/**
 * Default cache size in MB. It does not depend on the host's memory, because the set of cached rows affects the last
 * bits of the results.
 */
const DEFAULT_CACHE_MB = 1024

/** Returns the bytes that a fit may use for kernel values, for a `cacheSize` in MB. */
export function cacheBytes(cacheSize: number | undefined): number {
  return (cacheSize ?? DEFAULT_CACHE_MB) * 2 ** 20
}

/** How a fit divides its memory. */
export interface MemoryPlan {
  threads: number
  /** Bytes that each thread needs for itself. */
  threadBytes: number
  /** Bytes of the row cache for a pair that is solved row by row. */
  cacheBytes: number
  /** Whether whole blocks fit. */
  blocks: boolean
  /** Address of each class's diagonal block; empty if the blocks do not fit. */
  diagonal: number[]
  /** Share of the rows of a pair above which single rows are more work than starting over with diagonal blocks. */
  fewRows: number
  /** Whether to compute whole blocks regardless of that share. */
  small: boolean
}

/**
 * Plans a fit for as much of `cacheLimit` as the host provides. Less memory makes the fit slower, not worse, but the
 * solver may take another path to the optimum, with a result that differs within the tolerance.
 *
 * @throws {SoftmarginError} `OUT_OF_MEMORY` if not even the minimum is available
 */
export function planMemory(
  engine: Engine,
  source: KernelMatrix,
  cacheLimit: number,
  wanted: number,
): MemoryPlan {
  const { runs } = source
  for (let limit = cacheLimit, threads = wanted; ; ) {
    const plan = planFit(engine, source, limit, threads)
    const diagonal = plan.blocks ? runs.reduce((sum, run) => sum + BlockRows.diagonalBytes(run), 0) : 0
    try {
      engine.reserve(diagonal + plan.threads * plan.threadBytes)
    } catch (error) {
      // Reduce threads before memory: the amount of memory per thread can affect the last bits.
      if (plan.threads > 1) threads = plan.threads - 1
      else if (limit > RowCache.leastBytes(engine, runs)) {
        limit /= 2
        threads = wanted
      } else throw error
      continue
    }
    return plan.blocks ? { ...plan, diagonal: BlockRows.placeDiagonal(engine, runs) } : plan
  }
}

/**
 * Kernel rows come from whole blocks or one by one, whichever is less work. With k classes of n rows, and a share q
 * of the rows requested by a pair, solving row by row takes 4 q n^2 kernel values per pair. Blocks take n^2 / (k - 1)
 * per pair for the diagonal blocks, plus 2 q n^2 for rows of the off-diagonal block, or n^2 for the whole of it.
 *
 * Each thread gets as much memory as a single one would get, because the set of cached rows can affect its last bits;
 * so the memory limits the number of threads.
 */
function planFit(engine: Engine, source: KernelMatrix, cacheLimit: number, wanted: number): MemoryPlan {
  const { runs } = source
  const solver = engine.measure(() => new Solver(engine, runs, source.kind))
  // Besides the cached rows, there must be room for a batch of rows being computed and for a problem being solved.
  const room = engine.room - RowCache.leastBytes(engine, runs) - solver
  const limit = Math.min(cacheLimit, room)
  const rowBytes = Math.min(limit, RowCache.mostBytes(runs))
  const blockBytes = BlockRows.bytes(runs)
  const blocksFit = blockBytes <= limit
  // Blocks that are never computed need no memory: two classes of 50,000 rows would need 20 GB for theirs.
  const crossBytes = blocksFit ? 2 * BlockRows.crossBytes(runs) : 0
  const fits = (threads: number) =>
    threads * rowBytes <= limit && (!blocksFit || blockBytes + (threads - 1) * crossBytes <= limit)
  let threads = wanted
  while (threads > 1 && !fits(threads)) threads--
  const packed = engine.measure(() => source instanceof PackedRows && new PackedRows(engine, source.layout))
  // A thread has one row provider at a time, in the same memory.
  const providers = [() => new RowCache(engine, source, rowBytes)]
  const onBlocks = [() => new OffDiagonalRows(engine, source, []), () => new BlockRows(engine, source, [])]
  const rows = [...providers, ...(blocksFit ? onBlocks : [])].map((open) => engine.measure(open))
  return {
    threads,
    threadBytes: packed + solver + Math.max(...rows),
    cacheBytes: rowBytes,
    blocks: blocksFit,
    diagonal: [],
    fewRows: 1 / (2 * (runs.length - 1)),
    small: blocksFit && Math.max(...runs.map((run) => run.size)) <= MAX_WHOLE_BLOCK_ROWS,
  }
}
