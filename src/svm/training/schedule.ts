import type { JobQueue } from '../../engine/wasm/job.ts'
import type { MemoryPlan } from './memory-plan.ts'
import { PairSchedule } from './pair-jobs.ts'
import type { FitJob, PairSolution } from './pair-solver.ts'

/** What there is of a plan to choose by. */
type Choice = Pick<MemoryPlan, 'blocks' | 'fewRows' | 'small'>

/**
 * The jobs of a fit. Its owner packs the rows, class by class. The first pair is solved row by row as soon as its classes
 * are packed, and then the others, unless it asks for so many rows that whole blocks of classes with themselves, which
 * serve all pairs, are less work: then it is given up. Pairs that were given up are solved on such blocks.
 */
export class Schedule implements JobQueue<FitJob> {
  readonly #pairs: readonly [number, number][]
  readonly #toPack: number
  readonly #plan: Choice
  /** How many classes have begun to be packed, and how many are. */
  #packing = 0
  #packed = 0
  /** Pairs that are to be solved row by row, the last one first, and how many have begun and not ended. */
  #byRows: number[] = []
  #underWay = 0
  #givenUp: number[] = []
  #onBlocks: PairSchedule | undefined

  /**
   * @param pairs the classes of each pair
   * @param toPack how many classes are to be packed
   */
  constructor(pairs: readonly [number, number][], toPack: number, plan: Choice) {
    this.#pairs = pairs
    this.#toPack = toPack
    this.#plan = plan
    if (plan.small) this.#beginBlocks([...pairs.keys()])
    else this.#byRows.push(0)
  }

  take(isOwner: boolean): FitJob | undefined {
    if (isOwner && this.#packing < this.#toPack) return { pack: this.#packing++ }
    const pair = this.#byRows.at(-1)
    if (pair !== undefined && this.#arePacked(this.#pairs[pair])) {
      this.#byRows.pop()
      this.#underWay++
      return { pair, from: 'rows', mostRows: this.#plan.blocks ? this.#plan.fewRows : 1 }
    }
    return this.#packed === this.#toPack ? this.#onBlocks?.take() : undefined
  }

  /** Tells of a job that has ended: with a solution, if it was to solve a pair and was not given up. */
  end(job: FitJob, solution: PairSolution | undefined): void {
    if ('pack' in job) this.#packed++
    else if (this.#onBlocks) this.#onBlocks.end(job, solution)
    else if ('pair' in job) this.#endByRows(job.pair, solution !== undefined)
  }

  #endByRows(pair: number, isSolved: boolean): void {
    this.#underWay--
    if (!isSolved) this.#givenUp.push(pair)
    if (pair === 0) {
      const others = [...this.#pairs.keys()].slice(1)
      if (isSolved) this.#byRows = others.reverse()
      else this.#givenUp.push(...others)
    }
    if (this.#byRows.length > 0 || this.#underWay > 0) return
    // In their order, not in that of their ends.
    this.#beginBlocks(this.#givenUp.sort((a, b) => a - b))
  }

  #beginBlocks(pairs: number[]): void {
    // Of two classes all blocks serve one pair.
    const whole = this.#plan.small || this.#pairs.length === 1
    this.#onBlocks = new PairSchedule(this.#pairs, pairs, whole)
  }

  #arePacked(classes: readonly number[]): boolean {
    return this.#toPack === 0 || classes.every((c) => c < this.#packed)
  }
}
