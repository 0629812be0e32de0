import type { FitJob, PairSolution, RowsFrom } from './fit-work.ts'

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
export class PairJobs {
  readonly #pairs: readonly [number, number][]
  /** Pairs of each class, by its number. */
  readonly #ofClass = new Map<number, number[]>()
  readonly #made = new Set<number>()
  /** Shares of the rows that the first pairs asked for, 0 while they are not known. */
  readonly #shares = new Map<number, number>()
  #unknown = 0
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
      if (!whole && Math.max(...pairs[pair]) < TRIED) this.#shares.set(pair, 0)
    }
    this.#own = [...this.#ofClass.keys()].sort((a, b) => b - a)
    this.#unknown = this.#shares.size
    if (whole) this.#from = 'blocks'
    else if (this.#unknown === 0) this.#from = 'cross rows'
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
    else if ('pair' in job && this.#shares.has(job.pair)) this.#endFirst(job.pair, solution!.share)
  }

  #endOwn(own: number): void {
    this.#made.add(own)
    for (const pair of this.#ofClass.get(own)!) {
      if (!this.#pairs[pair].every((c) => this.#made.has(c))) continue
      const ready = this.#shares.has(pair) ? this.#first : this.#others
      ready.push(pair)
    }
  }

  #endFirst(pair: number, share: number): void {
    this.#shares.set(pair, share)
    this.#unknown--
    if (this.#unknown > 0) return
    // In their order, not in that of their ends.
    const sum = [...this.#shares.values()].reduce((a, b) => a + b)
    this.#from = sum / this.#shares.size > MOST ? 'blocks' : 'cross rows'
  }
}
