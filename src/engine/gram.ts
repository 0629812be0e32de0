import type { Matrix } from '../matrix.ts'
import { fillBlock, strideOf } from './blocks.ts'
import type { Engine } from './engine.ts'
import type { Conditioning, Kernel } from './kernel.ts'
import type { Pace } from './pace.ts'
import { type PackedRows, packedBytes, packRows, padded, type Run } from './packed-rows.ts'

const LINEAR: Kernel = { kind: 'linear', gamma: 1, coef0: 0, degree: 1 }

/**
 * All dot products between the rows of a matrix, computed once: they serve every kernel, candidate, fold and pair
 * of classes of a grid search.
 */
export class GramMatrix {
  /** A run for each group. */
  readonly runs: Run[]
  /** f32 a position: |x|^2. */
  readonly norms: number
  /** Positions, padding included. */
  readonly size: number
  readonly #dots: number
  readonly #stride: number

  private constructor(engine: Engine, rows: PackedRows) {
    this.runs = rows.runs
    this.norms = rows.norms
    const last = this.runs[this.runs.length - 1]
    this.size = last.start + last.size
    this.#stride = strideOf(this.#whole)
    this.#dots = engine.allocate(this.#stride * this.size)
  }

  /** @throws {SoftmarginError} `ABORTED`, `OUT_OF_MEMORY` */
  static async open(
    engine: Engine,
    X: Matrix,
    groups: ArrayLike<number>[],
    conditioning: Conditioning,
    pace: Pace,
  ): Promise<GramMatrix> {
    const rows = packRows(engine, X, groups, LINEAR, conditioning)
    const gram = new GramMatrix(engine, rows)
    await fillBlock(engine, rows, gram.#whole, gram.#whole, gram.#dots, gram.#dots, pace)
    return gram
  }

  /** Bytes that `open` takes. */
  static bytes(groups: ArrayLike<number>[], cols: number): number {
    let size = 0
    for (const group of groups) size += padded(group.length)
    return packedBytes(groups, cols) + size * (size * 4 + 64)
  }

  get #whole(): Run {
    return { start: 0, count: this.size, size: this.size }
  }

  /** Where the dot products of a position with all others begin. */
  row(position: number): number {
    return this.#dots + position * this.#stride
  }
}
