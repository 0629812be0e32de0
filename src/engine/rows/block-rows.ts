import type { DualProblem } from '../dual/dual-problem.ts'
import { fillBlock, fillDiagonalBlock, strideOf } from '../kernel/blocks.ts'
import type { KernelMatrix } from '../kernel/kernel-matrix.ts'
import type { Run } from '../kernel/runs.ts'
import type { Engine } from '../wasm/engine.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import type { RowProvider } from './row-provider.ts'

/**
 * Kernel rows from whole blocks: the diagonal block of each class, kept for all its pairs, and the off-diagonal block
 * of the current pair, recomputed for every pair at the same address so that it stays in the cache.
 */
export class BlockRows implements RowProvider {
  readonly keepsRows = true
  readonly share = 1
  readonly batch = 1
  readonly diagonal: number
  readonly #engine: Engine
  readonly #rows: KernelMatrix
  /** Address of each class's diagonal block, and the classes whose block is still to be computed. */
  readonly #diagonal: number[]
  readonly #missing: Set<number>
  readonly #cross: number
  readonly #mirrored: number

  /** @param diagonal addresses of the diagonal blocks of all classes, if they are computed. Default: they are not */
  constructor(engine: Engine, rows: KernelMatrix, diagonal?: number[]) {
    this.#engine = engine
    this.#rows = rows
    this.diagonal = rows.diagonal
    this.#diagonal = diagonal ?? BlockRows.placeDiagonal(engine, rows.runs)
    this.#missing = new Set(diagonal ? [] : rows.runs.keys())
    // A single run is paired with itself.
    const bytes = rows.runs.length > 1 ? BlockRows.crossBytes(rows.runs) : 0
    this.#cross = engine.allocate(bytes)
    this.#mirrored = engine.allocate(bytes)
  }

  /** Allocates the diagonal blocks of all classes and returns their addresses. */
  static placeDiagonal(engine: Engine, runs: Run[]): number[] {
    return runs.map((run) => engine.allocate(BlockRows.diagonalBytes(run)))
  }

  /** Bytes of the diagonal block of a class. */
  static diagonalBytes(run: Run): number {
    return strideOf(run) * run.size
  }

  /** Bytes of the largest off-diagonal block between two of the runs. */
  static crossBytes(runs: Run[]): number {
    return Math.max(...runs.map((run) => run.size)) * Math.max(...runs.map(strideOf))
  }

  /** Bytes of all blocks for these runs. */
  static bytes(runs: Run[]): number {
    return runs.reduce((sum, run) => sum + BlockRows.diagonalBytes(run), 2 * BlockRows.crossBytes(runs))
  }

  async attach(problem: DualProblem, first: number, second: number, timeSlice: TimeSlice): Promise<void> {
    const a = this.#rows.runs[first]
    const b = this.#rows.runs[second]
    const firstDiagonal = await this.#diagonalBlock(first, timeSlice)
    const secondDiagonal = await this.#diagonalBlock(second, timeSlice)
    if (first === second) {
      const { firstRow, secondRow } = problem
      for (let k = 0; k < a.count; k++) {
        firstRow[k] =
          secondRow[k] =
          firstRow[a.size + k] =
          secondRow[a.size + k] =
            firstDiagonal + k * strideOf(a)
      }
      return
    }
    await fillBlock(this.#engine, this.#rows, a, b, this.#cross, this.#mirrored, timeSlice)
    const { firstRow, secondRow } = problem
    for (let k = 0; k < a.count; k++) {
      firstRow[k] = firstDiagonal + k * strideOf(a)
      secondRow[k] = this.#cross + k * strideOf(b)
    }
    for (let k = 0; k < b.count; k++) {
      firstRow[a.size + k] = this.#mirrored + k * strideOf(a)
      secondRow[a.size + k] = secondDiagonal + k * strideOf(b)
    }
  }

  async provide(): Promise<void> {
    throw new Error('a whole block lacks no row')
  }

  load(): Promise<void> {
    return this.provide()
  }

  async #diagonalBlock(number: number, timeSlice: TimeSlice): Promise<number> {
    const address = this.#diagonal[number]
    if (this.#missing.delete(number)) {
      await fillDiagonalBlock(this.#engine, this.#rows, this.#rows.runs[number], address, timeSlice)
    }
    return address
  }
}
