// Job queue of a fit: decides how each pair of classes is solved, and in what order.

import type { JobQueue } from '../../engine/wasm/job.ts'
import type { MemoryPlan } from './memory-plan.ts'
import { PairSchedule } from './pair-jobs.ts'
import type { FitJob, PairSolution } from './pair-solver.ts'

/** The parts of a memory plan that the schedule depends on. */
type Choice = Pick<MemoryPlan, 'blocks' | 'fewRows' | 'small'>

/**
 * The jobs of a fit. The main thread packs the rows, class by class. The first pair is solved row by row as soon as
 * its classes are packed, and then the other pairs. A pair is given up if it requests so many rows that whole
 * diagonal blocks, which serve all pairs, are less work; if the first pair is given up, so are all others. Pairs that
 * were given up are then solved on such blocks.
 */
export class Schedule implements JobQueue<FitJob> {
  readonly #pairs: readonly [number, number][]
  readonly #toPack: number
  readonly #plan: Choice
  /** Number of classes whose packing has begun, and number packed. */
  #packing = 0
  #packed = 0
  /** Pairs left to solve row by row, last one first, and the number of pairs being solved so. */
  #byRows: number[] = []
  #underWay = 0
  #givenUp: number[] = []
  #onBlocks: PairSchedule | undefined

  /**
   * @param pairs the classes of each pair
   * @param toPack number of classes to pack
   */
  constructor(pairs: readonly [number, number][], toPack: number, plan: Choice) {
    this.#pairs = pairs
    this.#toPack = toPack
    this.#plan = plan
    if (plan.small) this.#beginBlocks([...pairs.keys()])
    else this.#byRows.push(0)
  }

  take(isOwner: boolean): FitJob | undefined {
    if (isOwner && this.#packing < this.#toPack) return { type: 'pack', group: this.#packing++ }
    const pair = this.#byRows.at(-1)
    if (pair !== undefined && this.#arePacked(this.#pairs[pair])) {
      this.#byRows.pop()
      this.#underWay++
      return { type: 'pair', pair, from: 'rows', mostRows: this.#plan.blocks ? this.#plan.fewRows : 1 }
    }
    return this.#packed === this.#toPack ? this.#onBlocks?.take() : undefined
  }

  /** Records that a job has ended. `solution` is set if the job solved a pair without giving up. */
  end(job: FitJob, solution: PairSolution | undefined): void {
    if (job.type === 'pack') this.#packed++
    else if (this.#onBlocks) this.#onBlocks.end(job, solution)
    else if (job.type === 'pair') this.#endByRows(job.pair, solution !== undefined)
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
    // Sorted, so that the order does not depend on which job ended first.
    this.#beginBlocks(this.#givenUp.sort((a, b) => a - b))
  }

  #beginBlocks(pairs: number[]): void {
    // With two classes, all blocks serve the same pair.
    const whole = this.#plan.small || this.#pairs.length === 1
    this.#onBlocks = new PairSchedule(this.#pairs, pairs, whole)
  }

  #arePacked(classes: readonly number[]): boolean {
    return this.#toPack === 0 || classes.every((c) => c < this.#packed)
  }
}
