import type { Engine } from '../wasm/engine.ts'

/**
 * Where gamma |x - s|^2 is above this for every support vector s, the kernel nears the end of float32. LIBSVM
 * decides in float64, so such rows still fall to the nearest vectors there.
 */
const UNDERFLOW_EXPONENT = 40

/**
 * Keeps rbf values of far rows inside float32: their kernel is made relative to the nearest support vector,
 * exp(-gamma (|x - s|^2 - m)), and the factor exp(-gamma m) is applied to the sums, in float64.
 */
export class RbfUnderflow {
  readonly #engine: Engine
  readonly #gamma: number
  readonly #size: number
  readonly #colNorms: number
  readonly #members: number
  readonly #nearest: number
  readonly #shifted: number
  readonly #largest: number

  /**
   * @param size support vectors, padding included
   * @param colNorms f32: |s|^2
   * @param members f32: 1 for a support vector, 0 for the padding
   * @param rows that are looked at together, at most
   */
  constructor(engine: Engine, gamma: number, size: number, colNorms: number, members: number, rows: number) {
    this.#engine = engine
    this.#gamma = gamma
    this.#size = size
    this.#colNorms = colNorms
    this.#members = members
    this.#nearest = engine.allocate(rows * 4)
    this.#shifted = engine.allocate(rows * 4)
    this.#largest = largestOf(engine, colNorms, size)
  }

  /** Whether any of the rows may be far: |x - s|^2 is at most 2 |x|^2 + 2 |s|^2. */
  mayHold(rowNorms: number, rows: number): boolean {
    return this.#gamma * 2 * (largestOf(this.#engine, rowNorms, rows) + this.#largest) > UNDERFLOW_EXPONENT
  }

  /**
   * What to take for |x|^2 of each row, at the address that it answers, and the factor of each row's sums.
   *
   * @param dots the rows' dot products with the support vectors
   * @param rowNorms f32: |x|^2
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

  /** Multiplies the sums of each row, `length` float64, with its factor. */
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
