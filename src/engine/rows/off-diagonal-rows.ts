import type { DualProblem } from '../dual/dual-problem.ts'
import { strideOf } from '../kernel/blocks.ts'
import type { KernelMatrix } from '../kernel/kernel-matrix.ts'
import type { Run } from '../kernel/runs.ts'
import type { Engine } from '../wasm/engine.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import { BlockRows } from './block-rows.ts'
import { prefetchCount } from './prefetch.ts'
import type { RowProvider } from './row-provider.ts'

/**
 * Kernel rows from precomputed diagonal blocks and on-demand off-diagonal rows. The diagonal block of a class is used
 * by all its pairs, so it is computed in full. The off-diagonal block belongs to one pair only, so just the rows that
 * the solver requests are computed.
 */
export class OffDiagonalRows implements RowProvider {
  readonly keepsRows = true
  readonly diagonal: number
  readonly batch: number
  readonly #engine: Engine
  readonly #rows: KernelMatrix
  readonly #diagonal: number[]
  /** Addresses of K(rows of the first class, second class) and of K(rows of the second class, first class). */
  readonly #cross: number
  readonly #mirrored: number
  readonly #indexes: number
  /** Number of rows computed of each. */
  #ofFirst = 0
  #ofSecond = 0
  #first = 0
  #second = 0

  /** @param diagonal addresses of the diagonal blocks of all classes */
  constructor(engine: Engine, rows: KernelMatrix, diagonal: number[]) {
    this.#engine = engine
    this.#rows = rows
    this.#diagonal = diagonal
    this.diagonal = rows.diagonal
    this.batch = engine.blockRows / 4
    const bytes = BlockRows.crossBytes(rows.runs)
    this.#cross = engine.allocate(bytes)
    this.#mirrored = engine.allocate(bytes)
    this.#indexes = engine.allocate(this.batch * 8)
  }

  get share(): number {
    const { runs } = this.#rows
    return (this.#ofFirst + this.#ofSecond) / (runs[this.#first].count + runs[this.#second].count)
  }

  async attach(_problem: DualProblem, first: number, second: number): Promise<void> {
    this.#first = first
    this.#second = second
    this.#ofFirst = this.#ofSecond = 0
  }

  async provide(problem: DualProblem, timeSlice: TimeSlice): Promise<void> {
    const { point } = problem.wanted
    // Prefetch only rows of the same class: rows of both classes would leave two strips partly empty.
    const isFirst = point < problem.split
    const [from, to] = isFirst ? [0, problem.split] : [problem.split, problem.size]
    const count = prefetchCount(this.#engine, isFirst ? this.#ofFirst : this.#ofSecond)
    const points = [point]
    // The requested point is likely to be among the violators.
    for (const k of problem.violators(this.#indexes, count, from, to)) {
      if (k !== point && points.length < count) points.push(k)
    }
    if (isFirst) await this.#bringFirst(problem, points, timeSlice)
    else await this.#bringSecond(problem, points, timeSlice)
  }

  async load(problem: DualProblem, points: number[], timeSlice: TimeSlice): Promise<void> {
    const ofFirst = points.filter((k) => k < problem.split)
    const ofSecond = points.filter((k) => k >= problem.split)
    if (ofFirst.length > 0) await this.#bringFirst(problem, ofFirst, timeSlice)
    if (ofSecond.length > 0) await this.#bringSecond(problem, ofSecond, timeSlice)
  }

  async #bringFirst(problem: DualProblem, points: number[], timeSlice: TimeSlice): Promise<void> {
    const [a, b] = [this.#rows.runs[this.#first], this.#rows.runs[this.#second]]
    const out = this.#cross + this.#ofFirst * strideOf(b)
    await this.#make(
      points.map((k) => a.start + k),
      b,
      out,
      timeSlice,
    )
    const { firstRow, secondRow } = problem
    for (let n = 0; n < points.length; n++) {
      firstRow[points[n]] = this.#diagonal[this.#first] + points[n] * strideOf(a)
      secondRow[points[n]] = out + n * strideOf(b)
    }
    this.#ofFirst += points.length
  }

  async #bringSecond(problem: DualProblem, points: number[], timeSlice: TimeSlice): Promise<void> {
    const [a, b] = [this.#rows.runs[this.#first], this.#rows.runs[this.#second]]
    const out = this.#mirrored + this.#ofSecond * strideOf(a)
    await this.#make(
      points.map((k) => b.start + k - a.size),
      a,
      out,
      timeSlice,
    )
    const { firstRow, secondRow } = problem
    for (let n = 0; n < points.length; n++) {
      firstRow[points[n]] = out + n * strideOf(a)
      secondRow[points[n]] = this.#diagonal[this.#second] + (points[n] - a.size) * strideOf(b)
    }
    this.#ofSecond += points.length
  }

  /** out = K(positions, run), with stride `strideOf(run)`. */
  async #make(positions: number[], run: Run, out: number, timeSlice: TimeSlice): Promise<void> {
    this.#rows.gather(positions)
    const step = this.#rows.columnsPerCall(positions.length)
    for (let j = 0; j < run.size; j += step) {
      const cols = Math.min(step, run.size - j)
      this.#rows.computeBlock(positions.length, run.start + j, cols, out + j * 4, strideOf(run))
      if (timeSlice.expired) await timeSlice.yield()
    }
  }
}
