import type { DualProblem } from '../dual/dual-problem.ts'
import type { KernelMatrix } from '../kernel/kernel-matrix.ts'
import type { Run } from '../kernel/runs.ts'
import type { Engine } from '../wasm/engine.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import { prefetchCount } from './prefetch.ts'
import type { RowProvider } from './row-provider.ts'

/**
 * A least-recently-used cache of kernel rows, computed when the solver requests them. Together with the requested row,
 * rows of the points that violate the optimality conditions most are prefetched, because the matrix product computes a
 * dozen rows in little more time than one.
 */
export class RowCache implements RowProvider {
  readonly diagonal: number
  readonly batch: number
  readonly #engine: Engine
  readonly #rows: KernelMatrix
  readonly #bytes: number
  readonly #slots: number
  readonly #made: number
  readonly #indexes: number
  /** The point whose row is in each slot, -1 if empty; the first point if two points share the row. */
  #owners = new Int32Array(0)
  #slotBytes = 0
  #used = 0
  #count = 0
  #first = 0
  #second = 0
  /** Distance between the two points that share a row (a run paired with itself); 0 if rows are not shared. */
  #pairedOffset = 0

  /** @param bytes size of the cache; at least `leastBytes` are used */
  constructor(engine: Engine, rows: KernelMatrix, bytes: number) {
    this.batch = batchOf(engine)
    this.#engine = engine
    this.#rows = rows
    this.diagonal = rows.diagonal
    const longest = RowCache.#longestRow(rows.runs)
    this.#bytes = Math.max(bytes, RowCache.leastBytes(engine, rows.runs))
    this.#slots = engine.allocate(this.#bytes)
    this.#made = engine.allocate(batchOf(engine) * longest)
    this.#indexes = engine.allocate(batchOf(engine) * 8)
  }

  /** Bytes for all rows of the largest pair; a larger cache has no benefit. */
  static mostBytes(runs: Run[]): number {
    const longest = RowCache.#longestRow(runs)
    return (longest / 4) * longest
  }

  static #longestRow(runs: Run[]): number {
    const [one, two] = [...runs].sort((a, b) => b.size - a.size)
    return (one.size + (two?.size ?? 0)) * 4
  }

  /** Bytes for the rows of two batches; with less, rows that were just used would be evicted. */
  static leastBytes(engine: Engine, runs: Run[]): number {
    return 2 * batchOf(engine) * RowCache.#longestRow(runs)
  }

  get keepsRows(): boolean {
    return this.#owners.length * 4 >= this.#slotBytes
  }

  get share(): number {
    return this.#used / this.#count
  }

  async attach(problem: DualProblem, first: number, second: number): Promise<void> {
    this.#first = first
    this.#second = second
    const [a, b] = [this.#rows.runs[first], this.#rows.runs[second]]
    this.#pairedOffset = first === second ? a.size : 0
    this.#count = first === second ? a.count : a.count + b.count
    const points = problem.size - this.#pairedOffset
    this.#slotBytes = points * 4
    this.#owners = new Int32Array(Math.min(points, Math.floor(this.#bytes / this.#slotBytes))).fill(-1)
    this.#used = 0
  }

  async provide(problem: DualProblem, timeSlice: TimeSlice): Promise<void> {
    const { point, held } = problem.wanted
    const count = prefetchCount(this.#engine, this.#used)
    // The requested point is likely to be among the violators.
    const ahead = problem.violators(this.#indexes, count).filter((k) => k !== point)
    await this.#bring(problem, [point, ...ahead.subarray(0, count - 1)], held, timeSlice)
  }

  async load(problem: DualProblem, points: number[], timeSlice: TimeSlice): Promise<void> {
    await this.#bring(problem, points, -1, timeSlice)
  }

  /** The first of the points that share the row of this one. */
  #owner(point: number): number {
    return this.#pairedOffset > 0 && point >= this.#pairedOffset ? point - this.#pairedOffset : point
  }

  /** Computes rows for points that have none; the row of `held` is not evicted. */
  async #bring(problem: DualProblem, points: number[], held: number, timeSlice: TimeSlice): Promise<void> {
    const engine = this.#engine
    const batch = [...new Set(points.map((k) => this.#owner(k)))]
    const a = this.#rows.runs[this.#first]
    const b = this.#rows.runs[this.#second]
    this.#rows.gather(batch.map((k) => (k < a.size ? a.start + k : b.start + k - a.size)))
    const slots = this.#freeSlots(problem, batch.length, this.#owner(held))
    // If the slots are consecutive, as unused ones are, rows are computed in place; otherwise they are copied.
    const follow = slots.every((slot, n) => slot === slots[0] + n)
    const made = follow ? this.#slots + slots[0] * this.#slotBytes : this.#made
    const runs: [Run, number][] = [[a, 0]]
    if (this.#pairedOffset === 0) runs.push([b, a.size * 4])
    for (const [run, offset] of runs) {
      const step = this.#rows.columnsPerCall(batch.length)
      for (let j = 0; j < run.size; j += step) {
        const cols = Math.min(step, run.size - j)
        this.#rows.computeBlock(batch.length, run.start + j, cols, made + offset + j * 4, this.#slotBytes)
        if (timeSlice.expired) await timeSlice.yield()
      }
    }
    const { firstRow, secondRow, used } = problem
    for (const [n, k] of batch.entries()) {
      const slot = slots[n]
      const owner = this.#owners[slot]
      const address = this.#slots + slot * this.#slotBytes
      if (!follow) engine.copy(address, made + n * this.#slotBytes, this.#slotBytes)
      this.#owners[slot] = k
      // In a run paired with itself, two points share the row, and both halves of the row are identical.
      for (const twin of this.#pairedOffset > 0 ? [0, this.#pairedOffset] : [0]) {
        if (owner >= 0) firstRow[owner + twin] = secondRow[owner + twin] = 0
        firstRow[k + twin] = address
        secondRow[k + twin] = this.#pairedOffset > 0 ? address : address + a.size * 4
        // Counts as used now, so that a prefetched row is not evicted first.
        used[k + twin] = problem.iterations
      }
    }
  }

  /** `wanted` slots: unused ones, then those of the least recently used rows; never that of `held`. */
  #freeSlots(problem: DualProblem, wanted: number, held: number): number[] {
    const slots: number[] = []
    while (slots.length < wanted && this.#used < this.#owners.length) slots.push(this.#used++)
    if (slots.length === wanted) return slots
    const { used } = problem
    const lastUse = (slot: number) => {
      const owner = this.#owners[slot]
      return this.#pairedOffset > 0 ? Math.max(used[owner], used[owner + this.#pairedOffset]) : used[owner]
    }
    const taken = slots.length
    const others = [...this.#owners.keys()]
      .slice(0, this.#owners.length - taken)
      .filter((slot) => this.#owners[slot] !== held)
      .sort((x, y) => lastUse(x) - lastUse(y) || x - y)
    return slots.concat(others.slice(0, wanted - taken))
  }
}

/** Maximum number of rows computed at once: a quarter of a block, to prefetch without computing many unused rows. */
function batchOf(engine: Engine): number {
  return engine.blockRows / 4
}
