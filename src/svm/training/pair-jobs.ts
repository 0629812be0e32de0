import type { FitJob, PairSolution, RowsFrom } from './pair-solver.ts'

/** Where more than this share of the rows is asked for, the whole block is no more work than its rows one by one. */
const MOST = 0.4

/**
 * The pairs of so many classes show what part of a block the others will ask for: as many whatever the threads, for the
 * path depends on it.
 */
const TRIED = 4

/**
 * Pairs that are solved on whole blocks of classes with themselves: each as soon as the blocks of both its classes are
 * there.
 *
 * The pairs of the first classes get the block of the two classes with each other row by row; so do the others, unless
 * many of its rows were asked for.
 */
export class PairSchedule {
  readonly #pairs: readonly [number, number][]
  /** Pairs of each class, by its number. */
  readonly #ofClass = new Map<number, number[]>()
  readonly #made = new Set<number>()
  /** The pairs of the first classes, and the shares of the rows that they asked for, as they become known. */
  readonly #tried = new Set<number>()
  readonly #shares = new Map<number, number>()
  /** Where the rows of the others come from, once that is known. */
  #from: RowsFrom | undefined
  /** Blocks of classes with themselves, the last one first. */
  readonly #own: number[]
  /** Pairs whose blocks are there: those that are to begin, and all of the others, of which some have begun. */
  readonly #first: number[] = []
  readonly #others: number[] = []
  #begun = 0

  /**
   * @param pairs the classes of each pair
   * @param left numbers of the pairs that are to be solved
   * @param whole whether all pairs get whole blocks
   */
  constructor(pairs: readonly [number, number][], left: Iterable<number>, whole: boolean) {
    this.#pairs = pairs
    for (const pair of left) {
      for (const c of pairs[pair]) {
        if (!this.#ofClass.has(c)) this.#ofClass.set(c, [])
        this.#ofClass.get(c)!.push(pair)
      }
      if (!whole && Math.max(...pairs[pair]) < TRIED) this.#tried.add(pair)
    }
    this.#own = [...this.#ofClass.keys()].sort((a, b) => b - a)
    if (whole) this.#from = 'blocks'
    else if (this.#tried.size === 0) this.#from = 'cross rows'
  }

  /** The next job; undefined while there is none. */
  take(): FitJob | undefined {
    const first = this.#first.shift()
    if (first !== undefined) return { pair: first, from: 'cross rows', mostRows: 1 }
    const own = this.#own.pop()
    if (own !== undefined) return { own }
    if (!this.#from || this.#begun === this.#others.length) return undefined
    return { pair: this.#others[this.#begun++], from: this.#from, mostRows: 1 }
  }

  /** Tells of a job that has ended. */
  end(job: FitJob, solution: PairSolution | undefined): void {
    if ('own' in job) this.#endOwn(job.own)
    else if ('pair' in job && this.#tried.has(job.pair)) this.#endTried(job.pair, solution!.share)
  }

  #endOwn(own: number): void {
    this.#made.add(own)
    for (const pair of this.#ofClass.get(own)!) {
      if (!this.#pairs[pair].every((c) => this.#made.has(c))) continue
      const ready = this.#tried.has(pair) ? this.#first : this.#others
      ready.push(pair)
    }
  }

  #endTried(pair: number, share: number): void {
    this.#shares.set(pair, share)
    if (this.#shares.size < this.#tried.size) return
    // In their order, not in that of their ends.
    let sum = 0
    for (const tried of this.#tried) sum += this.#shares.get(tried)!
    this.#from = sum / this.#tried.size > MOST ? 'blocks' : 'cross rows'
  }
}
