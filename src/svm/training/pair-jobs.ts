// Job queue for pairs of classes that are solved on whole diagonal blocks.

import type { FitJob, PairSolution, RowsFrom } from './pair-solver.ts'

/**
 * Above this share of requested rows, computing the whole off-diagonal block is no more work than its rows one by
 * one.
 */
const MAX_REQUESTED_SHARE = 0.4

/**
 * The pairs among this many first classes show what share of an off-diagonal block the others will request. The
 * number must not depend on the number of threads, because the solver's path depends on it.
 */
const SAMPLE_CLASSES = 4

/**
 * Pairs that are solved on whole diagonal blocks. A pair can start as soon as the diagonal blocks of both classes are
 * computed.
 *
 * The pairs of the first classes get their off-diagonal block row by row. The others do too, unless the first pairs
 * requested many of its rows.
 */
export class PairSchedule {
  readonly #pairs: readonly [number, number][]
  /** Pairs of each class, by class number. */
  readonly #ofClass = new Map<number, number[]>()
  readonly #made = new Set<number>()
  /** The pairs of the first classes, and the share of rows that each of them requested, once known. */
  readonly #tried = new Set<number>()
  readonly #shares = new Map<number, number>()
  /** Source of the rows for the other pairs, once that is known. */
  #from: RowsFrom | undefined
  /** Classes whose diagonal block is still to be computed, last one first. */
  readonly #diagonal: number[]
  /**
   * Pairs whose diagonal blocks are ready: first pairs not yet begun, and all others, of which `#begun` have begun.
   */
  readonly #first: number[] = []
  readonly #others: number[] = []
  #begun = 0

  /**
   * @param pairs the classes of each pair
   * @param left numbers of the pairs to solve
   * @param whole whether all pairs use whole blocks
   */
  constructor(pairs: readonly [number, number][], left: Iterable<number>, whole: boolean) {
    this.#pairs = pairs
    for (const pair of left) {
      for (const c of pairs[pair]) {
        if (!this.#ofClass.has(c)) this.#ofClass.set(c, [])
        this.#ofClass.get(c)!.push(pair)
      }
      if (!whole && Math.max(...pairs[pair]) < SAMPLE_CLASSES) this.#tried.add(pair)
    }
    this.#diagonal = [...this.#ofClass.keys()].sort((a, b) => b - a)
    if (whole) this.#from = 'blocks'
    else if (this.#tried.size === 0) this.#from = 'off-diagonal rows'
  }

  /** Returns the next job, or undefined if none is ready. */
  take(): FitJob | undefined {
    const first = this.#first.shift()
    if (first !== undefined) return { type: 'pair', pair: first, from: 'off-diagonal rows', mostRows: 1 }
    const group = this.#diagonal.pop()
    if (group !== undefined) return { type: 'diagonal block', group }
    if (!this.#from || this.#begun === this.#others.length) return undefined
    const pair = this.#others[this.#begun++]
    return { type: 'pair', pair, from: this.#from, mostRows: 1 }
  }

  /** Records that a job has ended. */
  end(job: FitJob, solution: PairSolution | undefined): void {
    if (job.type === 'diagonal block') this.#endDiagonal(job.group)
    else if (job.type === 'pair' && this.#tried.has(job.pair)) this.#endTried(job.pair, solution!.share)
  }

  #endDiagonal(group: number): void {
    this.#made.add(group)
    for (const pair of this.#ofClass.get(group)!) {
      if (!this.#pairs[pair].every((c) => this.#made.has(c))) continue
      const ready = this.#tried.has(pair) ? this.#first : this.#others
      ready.push(pair)
    }
  }

  #endTried(pair: number, share: number): void {
    this.#shares.set(pair, share)
    if (this.#shares.size < this.#tried.size) return
    // Summed in order, so that the result does not depend on which job ended first.
    let sum = 0
    for (const tried of this.#tried) sum += this.#shares.get(tried)!
    this.#from = sum / this.#tried.size > MAX_REQUESTED_SHARE ? 'blocks' : 'off-diagonal rows'
  }
}
