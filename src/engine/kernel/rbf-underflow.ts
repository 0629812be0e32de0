import type { Engine } from '../wasm/engine.ts'

/**
 * If gamma |x - s|^2 exceeds this for every support vector s, the kernel values approach the lower limit of float32.
 * LIBSVM computes in float64, where the nearest support vectors still decide the class of such rows.
 */
const UNDERFLOW_EXPONENT = 40

/**
 * Prevents float32 underflow of rbf kernel values for rows far from all support vectors. With m the squared distance to
 * the nearest support vector, kernel values are computed as exp(-gamma (|x - s|^2 - m)), and the factor exp(-gamma m)
 * is applied to their weighted sums in float64.
 */
export class RbfUnderflow {
  readonly #engine: Engine
  readonly #gamma: number
  readonly #size: number
  readonly #colNorms: number
  readonly #members: number
  readonly #nearest: number
  readonly #shifted: number
  /** The largest |s|^2, once it is needed. */
  #largest: number | undefined

  /**
   * @param size number of support vectors, including padding
   * @param colNorms address of f32: |s|^2
   * @param members address of f32: 1 for a support vector, 0 for padding
   * @param rows maximum number of rows per call
   */
  constructor(engine: Engine, gamma: number, size: number, colNorms: number, members: number, rows: number) {
    this.#engine = engine
    this.#gamma = gamma
    this.#size = size
    this.#colNorms = colNorms
    this.#members = members
    this.#nearest = engine.allocate(rows * 4)
    this.#shifted = engine.allocate(rows * 4)
  }

  /** Whether any of the rows may underflow, by the bound |x - s|^2 <= 2 |x|^2 + 2 |s|^2. `rowNorms`: f32 |x|^2. */
  mayHold(rowNorms: number, rows: number): boolean {
    this.#largest ??= largestOf(this.#engine, this.#colNorms, this.#size)
    return this.#gamma * 2 * (largestOf(this.#engine, rowNorms, rows) + this.#largest) > UNDERFLOW_EXPONENT
  }

  /**
   * Computes the values to use instead of |x|^2 for each row, and the factors for the rows' sums.
   *
   * @param dots address of the f32 dot products of the rows with the support vectors
   * @param stride bytes between rows of `dots`
   * @param rowNorms address of f32: |x|^2
   * @returns `norms`: address of the replacement for |x|^2 (f32 per row, valid until the next call); `factors`: one per
   *   row
   */
  shift(
    dots: number,
    stride: number,
    rows: number,
    rowNorms: number,
  ): { norms: number; factors: Float64Array } {
    const { exports } = this.#engine
    exports.nearestDistances(
      ...([dots, stride, rows, this.#size, rowNorms, this.#colNorms, this.#members, this.#nearest] as const),
    )
    const nearest = this.#engine.float32(this.#nearest, rows)
    const norms = this.#engine.float32(rowNorms, rows)
    const shifted = this.#engine.float32(this.#shifted, rows)
    const factors = new Float64Array(rows).fill(1)
    for (let r = 0; r < rows; r++) {
      const far = this.#gamma * nearest[r] > UNDERFLOW_EXPONENT
      shifted[r] = far ? norms[r] - nearest[r] : norms[r]
      if (far) factors[r] = exports.exponential(-this.#gamma * nearest[r])
    }
    return { norms: this.#shifted, factors }
  }

  /** Multiplies the `length` sums of each row by its factor. */
  static scale(sums: Float64Array, length: number, factors: Float64Array): void {
    for (const [r, factor] of factors.entries()) {
      if (factor === 1) continue
      for (let k = r * length; k < (r + 1) * length; k++) sums[k] *= factor
    }
  }
}

function largestOf(engine: Engine, norms: number, count: number): number {
  let largest = 0
  for (const norm of engine.float32(norms, count)) if (norm > largest) largest = norm
  return largest
}
