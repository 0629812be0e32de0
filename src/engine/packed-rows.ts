import type { Matrix } from '../matrix.ts'
import type { Engine } from './engine.ts'
import { type Conditioning, KERNEL_CODES, type Kernel } from './kernel.ts'

/** Rows of a panel: TILE_COLS in assembly/simd.ts. */
const PANEL = 8
/** A call of the engine does at most about this many multiply-adds, so that an abort is heard in time. */
const CALL_WORK = 4e8

/** The next multiple of a panel's rows. */
export function padded(count: number): number {
  return Math.ceil(count / PANEL) * PANEL
}

/** A run of columns of the kernel matrix: the rows of one group. */
export interface Run {
  /** Position of the first row; a multiple of 8. */
  start: number
  /** Rows that exist. */
  count: number
  /** Rows with the padding: a multiple of 8. */
  size: number
}

/**
 * Rows of a matrix, group after group, packed for the tiles, and the kernel values between them.
 *
 * A row is named by its position: groups begin at multiples of 8, and the rows that fill them up are zero.
 */
export class PackedRows {
  readonly runs: Run[] = []
  readonly kernel: Kernel
  readonly width: number
  /** f32 a position: K(x, x), with the rounding of the rows. */
  readonly diagonal: number
  readonly #engine: Engine
  readonly #panels: number
  /** f32 a position: |x|^2. */
  readonly norms: number
  readonly #strips: number
  readonly #stripNorms: number
  readonly #indexes: number

  /**
   * @param groups row numbers of X, group by group
   * @param kernel for rows that are conditioned
   */
  constructor(
    engine: Engine,
    X: Matrix,
    groups: ArrayLike<number>[],
    kernel: Kernel,
    conditioning: Conditioning,
  ) {
    this.#engine = engine
    this.kernel = kernel
    this.width = X.cols
    let positions = 0
    for (const group of groups) {
      const size = padded(group.length)
      this.runs.push({ start: positions, count: group.length, size })
      positions += size
    }
    this.#panels = engine.allocate(positions * X.cols * 4)
    this.norms = engine.allocate(positions * 4)
    this.diagonal = engine.allocate(positions * 4)
    this.#strips = engine.allocate(engine.blockRows * X.cols * 4)
    this.#stripNorms = engine.allocate(engine.blockRows * 4)
    this.#indexes = engine.allocate(engine.blockRows * 4)
    this.#pack(X, groups, conditioning)
    engine.exports.selfProducts(this.#panels, positions, X.cols, this.norms)
    engine.copy(this.diagonal, this.norms, positions * 4)
    if (kernel.kind === 'rbf') engine.float32(this.diagonal, positions).fill(1)
    else this.#apply(this.diagonal, 0, 1, positions, 0, 0)
  }

  /** Bytes that the constructor takes. */
  static bytes(groups: ArrayLike<number>[], cols: number): number {
    let positions = 0
    for (const group of groups) positions += padded(group.length)
    return positions * (cols + 2) * 4 + 100 * cols * 4
  }

  #pack(X: Matrix, groups: ArrayLike<number>[], conditioning: Conditioning): void {
    const engine = this.#engine
    const mark = engine.mark()
    const staging = engine.allocate(PANEL * X.cols * 4)
    const view = engine.float32(staging, PANEL * X.cols)
    for (const [g, group] of groups.entries()) {
      for (let from = 0; from < group.length; from += PANEL) {
        const rows = Math.min(PANEL, group.length - from)
        for (let r = 0; r < rows; r++) {
          condition(X.data, group[from + r] * X.cols, X.cols, conditioning, view, r * X.cols)
        }
        const panel = this.#panels + (this.runs[g].start + from) * X.cols * 4
        engine.exports.packPanel(staging, rows, X.cols, panel)
      }
    }
    engine.release(mark)
  }

  #apply(out: number, stride: number, rows: number, cols: number, rowNorms: number, colNorms: number): void {
    const { kind, gamma, coef0, degree } = this.kernel
    this.#engine.exports.applyKernel(
      ...([out, stride, rows, cols] as const),
      ...([KERNEL_CODES[kind], gamma, coef0, degree, rowNorms, colNorms] as const),
    )
  }

  /** Takes up to `blockRows` rows of this matrix, by position, as the left side of the next `multiply`. */
  gather(positions: ArrayLike<number>): void {
    const engine = this.#engine
    engine.int32(this.#indexes, positions.length).set(positions)
    engine.exports.gatherStrips(this.#panels, this.#indexes, positions.length, this.width, this.#strips)
    const norms = engine.float32(this.norms, this.runs.at(-1)!.start + this.runs.at(-1)!.size)
    const stripNorms = engine.float32(this.#stripNorms, positions.length)
    for (let i = 0; i < positions.length; i++) stripNorms[i] = norms[positions[i]]
  }

  /** Takes rows of another matrix, `rows * width` conditioned numbers at `source`, as the left side. */
  take(source: number, rows: number): void {
    const { exports } = this.#engine
    exports.packStrips(source, rows, this.width, this.#strips)
    if (this.kernel.kind === 'rbf') exports.stripNorms(this.#strips, rows, this.width, this.#stripNorms)
  }

  /** |x|^2 of row `i` on the left side. Made by `take` and `gather` for an rbf kernel. */
  leftNorm(i: number): number {
    return this.#engine.float32(this.#stripNorms, i + 1)[i]
  }

  /** Columns that one `multiply` of `rows` rows may have: a multiple of 8. */
  columnsPerCall(rows: number): number {
    return Math.max(PANEL, Math.floor(CALL_WORK / (rows * this.width) / PANEL) * PANEL)
  }

  /**
   * out[i][j] = K(left i, position `start` + j), `rows` x `cols` float32.
   *
   * @param stride bytes from one row of `out` to the next
   */
  multiply(rows: number, start: number, cols: number, out: number, stride: number): void {
    this.#multiply(this.kernel.kind, rows, start, cols, out, stride)
  }

  /** As `multiply`, but dot products whatever the kernel. */
  multiplyPlain(rows: number, start: number, cols: number, out: number, stride: number): void {
    this.#multiply('linear', rows, start, cols, out, stride)
  }

  #multiply(
    kind: Kernel['kind'],
    rows: number,
    start: number,
    cols: number,
    out: number,
    stride: number,
  ): void {
    const { gamma, coef0, degree } = this.kernel
    this.#engine.exports.kernelBlock(
      ...([this.#strips, this.#stripNorms, rows] as const),
      ...([this.#panels + start * this.width * 4, this.norms + start * 4, cols, this.width] as const),
      ...([out, stride, KERNEL_CODES[kind], gamma, coef0, degree] as const),
    )
  }
}

/** Shifts and scales one row into `out`. */
export function condition(
  data: Float32Array,
  from: number,
  width: number,
  { centre, scale }: Conditioning,
  out: Float32Array,
  to: number,
): void {
  if (centre) for (let k = 0; k < width; k++) out[to + k] = (data[from + k] - centre[k]) * scale
  else for (let k = 0; k < width; k++) out[to + k] = data[from + k] * scale
}
