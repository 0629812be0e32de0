import { BlockRows } from './block-rows.ts'
import { strideOf } from './blocks.ts'
import type { Engine } from './engine.ts'
import type { KernelRows } from './kernel-rows.ts'
import type { KernelSource } from './kernel-source.ts'
import type { Pace } from './pace.ts'
import type { Run } from './packed-rows.ts'
import type { DualProblem } from './problem.ts'
import { ASKED, worthMaking } from './rows-ahead.ts'

/**
 * Of each class the whole block with itself, which serves all its pairs; of the block of a pair's classes with
 * each other, which serves no other, the rows that the solver asks for.
 */
export class CrossRows implements KernelRows {
  readonly diagonal: number
  readonly batch: number
  readonly #engine: Engine
  readonly #rows: KernelSource
  readonly #own: number[]
  /** Rows of the first class over the second, and of the second over the first. */
  readonly #cross: number
  readonly #mirrored: number
  readonly #made: number
  readonly #indexes: number
  /** Points that have rows. */
  #present: number[] = []
  /** For each of them the iteration at which its row was made ahead; `ASKED` if it was asked for. */
  #arrived = new Int32Array(0)
  #first = 0
  #second = 0

  /** @param own where the blocks of classes with themselves are */
  constructor(engine: Engine, rows: KernelSource, own: number[]) {
    this.#engine = engine
    this.#rows = rows
    this.#own = own
    this.diagonal = rows.diagonal
    this.batch = engine.blockRows / 8
    const half = BlockRows.crossBytes(rows.runs) / 2
    this.#cross = engine.allocate(half)
    this.#mirrored = engine.allocate(half)
    this.#made = engine.allocate(this.batch * Math.max(...rows.runs.map(strideOf)))
    this.#indexes = engine.allocate(this.batch * 8)
  }

  get share(): number {
    const { runs } = this.#rows
    return this.#present.length / (runs[this.#first].count + runs[this.#second].count)
  }

  async attach(problem: DualProblem, first: number, second: number): Promise<void> {
    this.#first = first
    this.#second = second
    this.#present = []
    this.#arrived = new Int32Array(problem.size)
  }

  async provide(problem: DualProblem, pace: Pace): Promise<void> {
    const { point } = problem.wanted
    const worth = worthMaking(this.#engine, this.#present, this.#arrived, problem.used)
    const count = Math.min(worth, this.batch)
    // Of the same class: rows of both would leave two strips of the tiles half empty.
    const [from, to] = point < problem.split ? [0, problem.split] : [problem.split, problem.size]
    // The point that is asked for is likely to be among them.
    const ahead = problem.violators(this.#indexes, count, from, to).filter((k) => k !== point)
    await this.#bring(problem, [point, ...ahead.subarray(0, count - 1)], pace)
    this.#arrived[point] = ASKED
  }

  async load(problem: DualProblem, points: number[], pace: Pace): Promise<void> {
    await this.#bring(problem, points, pace)
  }

  async #bring(problem: DualProblem, points: number[], pace: Pace): Promise<void> {
    const a = this.#rows.runs[this.#first]
    const b = this.#rows.runs[this.#second]
    const ofFirst = points.filter((k) => k < a.size)
    const ofSecond = points.filter((k) => k >= a.size).map((k) => k - a.size)
    await this.#make(ofFirst, a, b, this.#cross, pace)
    await this.#make(ofSecond, b, a, this.#mirrored, pace)
    const { firstRow, secondRow } = problem
    for (const k of ofFirst) {
      firstRow[k] = this.#own[this.#first] + k * strideOf(a)
      secondRow[k] = this.#cross + k * strideOf(b)
    }
    for (const k of ofSecond) {
      firstRow[a.size + k] = this.#mirrored + k * strideOf(a)
      secondRow[a.size + k] = this.#own[this.#second] + k * strideOf(b)
    }
    for (const k of points) this.#arrived[k] = problem.iterations
    this.#present.push(...points)
  }

  /** K of rows of `left`, by their place in the run, with all of `right`, each to its place in `block`. */
  async #make(places: number[], left: Run, right: Run, block: number, pace: Pace): Promise<void> {
    if (places.length === 0) return
    const stride = strideOf(right)
    this.#rows.gather(places.map((k) => left.start + k))
    const step = this.#rows.columnsPerCall(places.length)
    for (let j = 0; j < right.size; j += step) {
      const cols = Math.min(step, right.size - j)
      this.#rows.multiply(places.length, right.start + j, cols, this.#made + j * 4, stride)
      if (pace.due) await pace.rest()
    }
    for (const [n, k] of places.entries()) {
      this.#engine.copy(block + k * stride, this.#made + n * stride, stride)
    }
  }
}
