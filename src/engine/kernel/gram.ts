import type { Matrix } from '../../core/matrix.ts'
import type { Engine } from '../wasm/engine.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import { fillStrip, strideOf } from './blocks.ts'
import type { Conditioning, Kernel } from './kernel.ts'
import { type PackedLayout, PackedRows, type ProductsLayout } from './packed-rows.ts'
import { Packer } from './packer.ts'
import { positionsIn, type Run } from './runs.ts'

const LINEAR: Kernel = { kind: 'linear', gamma: 1, coef0: 0, degree: 1 }

/** Where a Gram matrix is in memory: plain data, so that it can be sent to a thread that shares the memory. */
export interface GramLayout {
  rows: PackedLayout
  products: ProductsLayout
}

/**
 * All dot products between the rows of a matrix, computed once and used for every kernel, candidate, fold and pair of
 * classes of a grid search.
 */
export class GramMatrix {
  readonly layout: GramLayout
  /** Number of positions, including padding. */
  readonly size: number
  readonly #engine: Engine
  readonly #rows: PackedRows

  constructor(engine: Engine, layout: GramLayout) {
    this.#engine = engine
    this.layout = layout
    this.#rows = new PackedRows(engine, layout.rows)
    this.size = positionsIn(this.runs)
  }

  /**
   * Packs the rows and allocates the matrix. The products are computed by calling `fillStrip` for every strip.
   *
   * @param groups row numbers of X, group by group
   * @throws {SoftmarginError} `ABORTED`, `OUT_OF_MEMORY`
   */
  static async layOut(
    engine: Engine,
    X: Matrix,
    groups: ArrayLike<number>[],
    conditioning: Conditioning,
    timeSlice: TimeSlice,
  ): Promise<GramLayout> {
    const rows = await new Packer(engine, X, groups, LINEAR, conditioning).packAll(timeSlice)
    const address = engine.allocate(gramBytes(rows.runs))
    return { rows, products: { address, stride: strideOf(wholeOf(positionsIn(rows.runs))) } }
  }

  /** One run per group. */
  get runs(): Run[] {
    return this.#rows.runs
  }

  /** Address of one f32 per position: |x|^2. */
  get norms(): number {
    return this.#rows.norms
  }

  /**
   * Computes the products of strip number `strip` (`blockRows` rows) with itself and all later rows, and their mirror
   * image.
   *
   * @throws {SoftmarginError} `ABORTED`
   */
  async fillStrip(strip: number, timeSlice: TimeSlice): Promise<void> {
    const whole = wholeOf(this.size)
    const { address } = this.layout.products
    const from = strip * this.#engine.blockRows
    await fillStrip(this.#engine, this.#rows, whole, whole, from, address, address, timeSlice)
  }

  /** Address of the dot products of a position with all positions, f32. */
  row(position: number): number {
    const { address, stride } = this.layout.products
    return address + position * stride
  }
}

/** Bytes of the products between the rows of these runs. */
export function gramBytes(runs: Run[]): number {
  const size = positionsIn(runs)
  return size * strideOf(wholeOf(size))
}

function wholeOf(size: number): Run {
  return { start: 0, count: size, size }
}
