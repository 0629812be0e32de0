import type { Engine } from '../wasm/engine.ts'
import { type Kernel, storeKernel } from './kernel.ts'
import type { KernelMatrix } from './kernel-matrix.ts'
import { PANEL, positionsIn, type Run } from './runs.ts'

/** Approximate maximum of multiply-adds per call of the engine, so that aborts are noticed in time. */
const CALL_WORK = 4e8

/** Where packed rows are in memory: plain data, so that it can be sent to a thread that shares the memory. */
export interface PackedLayout {
  runs: Run[]
  kernel: Kernel
  /** Columns of the matrix. */
  width: number
  /** Address of the panels of all rows, f32 (layout: assembly/gemm.ts). */
  panels: number
  /** Address of one f32 per position: |x|^2. */
  norms: number
  /** Address of one f32 per position: K(x, x), bit-identical to what `computeBlock` computes. */
  diagonal: number
  /** Set if kernel values are computed in float64: see `PreciseKernel`. */
  precise: PreciseLayout | undefined
  /** Set if the dot products of all positions are in memory; kernel values are then computed from them. */
  products?: ProductsLayout | undefined
}

/** The dot products of every position with every position, f32. */
export interface ProductsLayout {
  address: number
  /** Bytes between rows. */
  stride: number
}

/** The data needed, in addition to the rows, to compute kernel values in float64. */
export interface PreciseLayout {
  lessOne: boolean
  /** Address of one f64 per position: h(x) of `PreciseKernel.origin`; 0 for none. */
  offsets: number
}

/** Rows and columns of the block of float64 ("wide") kernel values used to check the rounding error of single rows. */
export const WIDE_ROWS = 8
export const WIDE_COLUMNS = 512

/**
 * Rows of a matrix, packed for the tiled matrix product, and the kernel values between them.
 *
 * A row is identified by its position: groups start at multiples of 8, and their padding rows are zero.
 */
export class PackedRows implements KernelMatrix {
  readonly layout: PackedLayout
  /** Address of scratch for `WIDE_ROWS` x `WIDE_COLUMNS` float64 values. */
  readonly wide: number
  readonly #engine: Engine
  /** Addresses of the kernel, of the same with nothing subtracted, and of a linear kernel. */
  readonly #kernel: number
  readonly #unshifted: number
  readonly #linear: number
  readonly #strips: number
  readonly #stripNorms: number
  readonly #indexes: number
  /** f64: h(x) of the rows of the left operand. */
  readonly #stripOffsets: number
  /** Positions of the left operand, if `gather` has set it. */
  #left: ArrayLike<number> = []
  /** Whether the strips hold the rows of the left operand. */
  #areStripsFilled = true

  constructor(engine: Engine, layout: PackedLayout) {
    this.#engine = engine
    this.layout = layout
    this.#kernel = storeKernel(engine, layout.kernel, layout.precise?.lessOne)
    this.#unshifted = storeKernel(engine, layout.kernel)
    this.#linear = storeKernel(engine, { ...layout.kernel, kind: 'linear' })
    this.#strips = engine.allocate(engine.blockRows * layout.width * 4)
    this.#stripNorms = engine.allocate(engine.blockRows * 4)
    this.#indexes = engine.allocate(engine.blockRows * 4)
    this.#stripOffsets = layout.precise ? engine.allocate(engine.blockRows * 8) : 0
    this.wide = engine.allocate(WIDE_ROWS * WIDE_COLUMNS * 8)
  }

  get runs(): Run[] {
    return this.layout.runs
  }
  get kernel(): Kernel {
    return this.layout.kernel
  }
  get kind(): Kernel['kind'] {
    return this.layout.kernel.kind
  }
  get width(): number {
    return this.layout.width
  }
  /** Address of one f32 per position: |x|^2. */
  get norms(): number {
    return this.layout.norms
  }
  /** Address of one f32 per position: K(x, x), bit-identical to what `computeBlock` computes. */
  get diagonal(): number {
    return this.layout.diagonal
  }

  gather(positions: ArrayLike<number>): void {
    const engine = this.#engine
    this.#left = positions
    this.#areStripsFilled = false
    // Kernel values that come from products need no copy of the rows.
    if (!this.layout.products) this.#fillStrips()
    const norms = engine.float32(this.norms, positionsIn(this.runs))
    const stripNorms = engine.float32(this.#stripNorms, positions.length)
    for (let i = 0; i < positions.length; i++) stripNorms[i] = norms[positions[i]]
    const offsets = this.layout.precise?.offsets
    if (!offsets) return
    const all = engine.float64(offsets, norms.length)
    const stripOffsets = engine.float64(this.#stripOffsets, positions.length)
    for (let i = 0; i < positions.length; i++) stripOffsets[i] = all[positions[i]]
  }

  #fillStrips(): void {
    if (this.#areStripsFilled) return
    const { length } = this.#left
    this.#engine.int32(this.#indexes, length).set(this.#left)
    this.#engine.exports.gatherStrips(this.layout.panels, this.#indexes, length, this.width, this.#strips)
    this.#areStripsFilled = true
  }

  /**
   * Uses rows of another matrix, `rows` x `width` conditioned f32 values at `source`, as the left operand. Not for a
   * layout with `precise.offsets` or `products`, which need positions, and hence `gather`.
   */
  take(source: number, rows: number): void {
    const { exports } = this.#engine
    this.#areStripsFilled = true
    exports.packStrips(source, rows, this.width, this.#strips)
    if (this.kernel.kind === 'rbf') exports.stripNorms(this.#strips, rows, this.width, this.#stripNorms)
  }

  /** Address of |x|^2 (f32) of the left operand's rows. Set by `gather`, and by `take` for an rbf kernel. */
  get leftNorms(): number {
    return this.#stripNorms
  }

  columnsPerCall(rows: number): number {
    const work = this.layout.precise ? CALL_WORK / 4 : CALL_WORK
    return Math.max(PANEL, Math.floor(work / (rows * this.width) / PANEL) * PANEL)
  }

  computeBlock(rows: number, start: number, cols: number, out: number, stride: number): void {
    const { precise, products } = this.layout
    if (products) this.#fromProducts(products, rows, start, cols, out, stride)
    else if (precise) this.#preciseBlock(this.#kernel, precise.offsets, rows, start, cols, out, stride, false)
    else this.#kernelBlock(this.#kernel, rows, start, cols, out, stride)
  }

  /** Computes the same values as `computeBlock`, bit for bit, from the dot products. */
  #fromProducts(
    { address, stride: bytes }: ProductsLayout,
    rows: number,
    start: number,
    cols: number,
    out: number,
    stride: number,
  ): void {
    for (let i = 0; i < rows; i++) {
      this.#engine.copy(out + i * stride, address + this.#left[i] * bytes + start * 4, cols * 4)
    }
    this.apply(out, stride, rows, start, cols, this.#stripNorms)
  }

  /** Like `computeBlock`, but `out` is float64 and nothing is subtracted from K. */
  computeBlockFloat64(rows: number, start: number, cols: number, out: number, stride: number): void {
    this.#preciseBlock(this.#unshifted, 0, rows, start, cols, out, stride, true)
  }

  #preciseBlock(
    kernel: number,
    offsets: number,
    rows: number,
    start: number,
    cols: number,
    out: number,
    stride: number,
    wide: boolean,
  ): void {
    this.#fillStrips()
    // In tuples, so that the formatter keeps an operand's arguments on one line.
    this.#engine.exports.preciseBlock(
      ...([kernel, this.#strips, offsets && this.#stripOffsets, rows] as const),
      ...([this.layout.panels + start * this.width * 4, offsets && offsets + start * 8, cols] as const),
      ...([this.width, out, stride, wide] as const),
    )
  }

  /** Like `computeBlock`, but computes plain dot products regardless of the kernel. */
  computeDotProducts(rows: number, start: number, cols: number, out: number, stride: number): void {
    this.#kernelBlock(this.#linear, rows, start, cols, out, stride)
  }

  /**
   * Turns dot products of `rows` rows with `cols` positions from `start` on into kernel values, in place.
   *
   * @param stride bytes between rows of `out`
   * @param rowNorms address of |x|^2 (f32) of each row; used by an rbf kernel
   */
  apply(out: number, stride: number, rows: number, start: number, cols: number, rowNorms: number): void {
    const colNorms = this.norms + start * 4
    this.#engine.exports.applyKernel(this.#kernel, out, stride, rows, cols, rowNorms, colNorms)
  }

  #kernelBlock(kernel: number, rows: number, start: number, cols: number, out: number, stride: number): void {
    this.#fillStrips()
    this.#engine.exports.kernelBlock(
      ...([kernel, this.#strips, this.#stripNorms, rows] as const),
      ...([this.layout.panels + start * this.width * 4, this.norms + start * 4, cols, this.width] as const),
      ...([out, stride] as const),
    )
  }
}
