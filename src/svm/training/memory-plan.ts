import { leftBytes } from '../../engine/kernel/packed-rows.ts'
import type { Run } from '../../engine/kernel/runs.ts'
import { BlockRows } from '../../engine/rows/block-rows.ts'
import { RowCache } from '../../engine/rows/row-cache.ts'
import { Solver } from '../../engine/solver/solver.ts'
import type { Engine } from '../../engine/wasm/engine.ts'

/** Classes of at most so many rows get whole blocks at once: nothing is saved by asking for rows. */
const SMALL = 64

/** What the rounding of addresses may cost. */
const ALIGNED = 2 ** 16

/**
 * Memory for kernel values of whoever names no `cacheSize`, in MB. The same on every host, however much memory it has:
 * which rows are at hand shows in the last bits of an answer.
 */
const USUAL_CACHE = 1024

/** Bytes that a fit may spend on kernel values, for a `cacheSize` in MB. */
export function cacheBytes(cacheSize: number | undefined): number {
  return (cacheSize ?? USUAL_CACHE) * 2 ** 20
}

/** How a fit spends its memory. */
export interface MemoryPlan {
  threads: number
  /** Memory that each thread wants for itself. */
  threadBytes: number
  /** Bytes for the rows of a pair that is solved row by row. */
  cacheBytes: number
  /** Whether whole blocks fit. */
  blocks: boolean
  /** Where the block of each class with itself goes; empty where the blocks do not fit. */
  own: number[]
  /** Share of the rows above which rows one by one are more work than to begin with classes' own blocks. */
  fewRows: number
  /** Whether the blocks are made without looking at that share. */
  small: boolean
}

/**
 * The plan for as much of `cacheLimit` as the host gives: less makes a fit slower, not worse, though it may take another
 * path to the optimum, whose end differs within the tolerance.
 *
 * @throws {SoftmarginError} `OUT_OF_MEMORY` if not even the least can be had
 */
export function planMemory(
  engine: Engine,
  runs: Run[],
  width: number,
  cacheLimit: number,
  wanted: number,
): MemoryPlan {
  for (let limit = cacheLimit, threads = wanted; ; ) {
    const plan = planFit(engine, runs, width, limit, threads)
    const own = plan.blocks ? runs.reduce((sum, run) => sum + BlockRows.ownBytes(run), 0) : 0
    try {
      engine.reserve(own + plan.threads * plan.threadBytes)
    } catch (error) {
      // Fewer threads before less memory: what a thread keeps in it may show in its last bits.
      if (plan.threads > 1) threads = plan.threads - 1
      else if (limit > RowCache.leastBytes(engine, runs)) {
        limit /= 2
        threads = wanted
      } else throw error
      continue
    }
    return plan.blocks ? { ...plan, own: BlockRows.placeOwn(engine, runs) } : plan
  }
}

/**
 * Kernel rows come from whole blocks or one by one, whichever is less work. With k classes of n rows, of which a pair
 * asks for the share q, it is 4 q n^2 kernel values a pair row by row, n^2 / (k - 1) for the blocks of classes with
 * themselves, and then 2 q n^2 for the rows of the block of the two classes, or n^2 for the whole of it.
 *
 * A thread gets as much memory as one alone would get, for what it keeps may show in its last bits: there are
 * only so many threads as that allows.
 */
function planFit(engine: Engine, runs: Run[], width: number, cacheLimit: number, wanted: number): MemoryPlan {
  const sizes = runs.map((run) => run.size)
  // Beside the rows that are kept, a batch of them is being made, and a problem is being solved.
  const room = engine.room - RowCache.leastBytes(engine, runs) - Solver.bytes(engine, sizes)
  const limit = Math.min(cacheLimit, room)
  const rowBytes = Math.min(limit, RowCache.mostBytes(runs))
  const blockBytes = BlockRows.bytes(runs)
  const blocksFit = blockBytes <= limit
  // Blocks that are never made take no memory: two classes of 50,000 rows would want 20 GB for theirs.
  const crossBytes = blocksFit ? 2 * BlockRows.crossBytes(runs) : 0
  const fits = (threads: number) =>
    threads * rowBytes <= limit && (!blocksFit || blockBytes + (threads - 1) * crossBytes <= limit)
  let threads = wanted
  while (threads > 1 && !fits(threads)) threads--
  return {
    threads,
    threadBytes:
      leftBytes(width) +
      Solver.bytes(engine, sizes) +
      RowCache.leastBytes(engine, runs) +
      Math.max(rowBytes, crossBytes) +
      ALIGNED,
    cacheBytes: rowBytes,
    blocks: blocksFit,
    own: [],
    fewRows: 1 / (2 * (runs.length - 1)),
    small: blocksFit && Math.max(...sizes) <= SMALL,
  }
}
