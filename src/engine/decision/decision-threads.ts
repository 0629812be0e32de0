import { pairCount } from '../kernel/pairs.ts'
import { threadsFor } from '../wasm/thread-count.ts'
import type { Expansion } from './expansion.ts'

/**
 * How decision values of many rows are computed on several threads: `decision-jobs.ts`, which is loaded for the first
 * rows that need it.
 */
export const decisionThreads = {
  /**
   * The number of threads to use for this many rows: 1 if the work is too short for more.
   *
   * @param wanted default: one per core
   */
  countFor(
    wanted: number | undefined,
    { supportVectors, kernel, nSupport }: Expansion,
    rows: number,
  ): Promise<number> {
    const vectors = kernel.kind === 'linear' ? pairCount(nSupport.length) : supportVectors.rows
    return threadsFor(wanted, rows * vectors * supportVectors.cols)
  },

  load: async () => (await import('./decision-jobs.ts')).ThreadedPredictor,
}
