import type { Matrix } from '../matrix.ts'
import { fillBlock, strideOf } from './blocks.ts'
import type { Engine } from './engine.ts'
import { type Conditioning, KERNEL_CODES, type Kernel } from './kernel.ts'
import type { KernelRows } from './kernel-rows.ts'
import type { Pace } from './pace.ts'
import { PackedRows, padded, type Run } from './packed-rows.ts'
import type { DualProblem } from './problem.ts'

/**
 * All dot products between the rows of a matrix, computed once, and the values of one kernel after another made
 * from them. Serves every candidate, fold and pair of classes of a grid search.
 */
export class GramMatrix implements KernelRows {
  readonly share = 1
  readonly runs: Run[]
  /** f32 a position: |x|^2. */
  readonly norms: number
  readonly diagonal: number
  readonly positions: number
  /** Bytes from one row to the next, of dot products as of kernel values. */
  readonly stride: number
  readonly #engine: Engine
  readonly #rows: PackedRows
  readonly #dots: number
  readonly #made: number
  /** Kernel values: the dot products themselves for a linear kernel. */
  #values: number

  private constructor(engine: Engine, X: Matrix, groups: ArrayLike<number>[], conditioning: Conditioning) {
    const linear: Kernel = { kind: 'linear', gamma: 1, coef0: 0, degree: 1 }
    this.#engine = engine
    this.#rows = new PackedRows(engine, X, groups, linear, conditioning)
    this.runs = this.#rows.runs
    this.norms = this.#rows.norms
    const whole = this.#whole
    this.positions = whole.size
    this.stride = strideOf(whole)
    this.diagonal = engine.allocate(this.positions * 4)
    this.#dots = engine.allocate(this.stride * this.positions)
    this.#made = engine.allocate(this.stride * this.positions)
    this.#values = this.#dots
  }

  /** @throws {SoftmarginError} `ABORTED`, `OUT_OF_MEMORY` */
  static async open(
    engine: Engine,
    X: Matrix,
    groups: ArrayLike<number>[],
    conditioning: Conditioning,
    pace: Pace,
  ): Promise<GramMatrix> {
    const gram = new GramMatrix(engine, X, groups, conditioning)
    const whole = gram.#whole
    await fillBlock(engine, gram.#rows, whole, whole, gram.#dots, gram.#dots, pace)
    return gram
  }

  /** Bytes that `open` takes. */
  static bytes(groups: ArrayLike<number>[], cols: number): number {
    let positions = 0
    for (const group of groups) positions += padded(group.length)
    return PackedRows.bytes(groups, cols) + 2 * positions * (positions * 4 + 64)
  }

  get #whole(): Run {
    const last = this.runs[this.runs.length - 1]
    const size = last.start + last.size
    return { start: 0, count: size, size }
  }

  /** Makes the values of a kernel (for conditioned rows). */
  async setKernel({ kind, gamma, coef0, degree }: Kernel, pace: Pace): Promise<void> {
    const engine = this.#engine
    const code = KERNEL_CODES[kind]
    const apply = (out: number, norms: number) =>
      engine.exports.applyKernel(
        ...([out, this.stride, 1, this.positions] as const),
        ...([code, gamma, coef0, degree, norms, this.norms] as const),
      )
    engine.copy(this.diagonal, this.norms, this.positions * 4)
    if (kind === 'rbf') engine.float32(this.diagonal, this.positions).fill(1)
    else apply(this.diagonal, 0)
    this.#values = kind === 'linear' ? this.#dots : this.#made
    if (kind === 'linear') return
    for (let i = 0; i < this.positions; i++) {
      engine.copy(this.#made + i * this.stride, this.#dots + i * this.stride, this.positions * 4)
      apply(this.#made + i * this.stride, this.norms + i * 4)
      if (pace.due) await pace.rest()
    }
  }

  /** Where the kernel values, or the dot products, of a position with all others begin. */
  valuesOf(position: number): number {
    return this.#values + position * this.stride
  }
  dotsOf(position: number): number {
    return this.#dots + position * this.stride
  }

  async attach(problem: DualProblem, first: number, second: number): Promise<void> {
    const a = this.runs[first]
    const b = this.runs[second]
    const { firstRow, secondRow } = problem
    for (const [run, offset] of [
      [a, 0],
      [b, a.size],
    ] as const) {
      for (let k = 0; k < run.count; k++) {
        const row = this.valuesOf(run.start + k)
        firstRow[offset + k] = row + a.start * 4
        secondRow[offset + k] = row + b.start * 4
      }
    }
  }

  provide(): void {
    throw new Error('a whole matrix lacks no row')
  }
}
