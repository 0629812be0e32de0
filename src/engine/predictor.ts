import { Matrix } from '../matrix.ts'
import { Engine } from './engine.ts'
import { FAR, FAR_VALUE } from './far.ts'
import { type Conditioning, conditioningOf, type Kernel, rescaled } from './kernel.ts'
import type { Simd } from './module.ts'
import type { Pace } from './pace.ts'
import { condition, type PackedRows, packRows } from './packed-rows.ts'
import { PairWeights, pairsOf } from './pair-weights.ts'

/**
 * Kernel expansions that share their support vectors: f_p(x) = sum over s of coefficients[p][s] K(s, x) +
 * intercept[p].
 */
export interface Expansion {
  kernel: Kernel
  supportVectors: Matrix
  /** Support vectors of each class, which stand class after class. */
  nSupport: ArrayLike<number>
  /**
   * LIBSVM's layout, (classes - 1) x vectors: for the pair of classes i < j, row j - 1 holds the coefficients
   * of the vectors of class i and row i those of class j.
   */
  dualCoef: Float64Array
  /** One a pair: (0, 1), (0, 2), ..., (1, 2), ... */
  intercept: Float64Array
}

/** Columns of kernel values that are made and summed up while they are in the cache. */
const CHUNK = 1024

/** The coefficients of a pair that are not 0, with the numbers of their support vectors, in order. */
export function forEachCoefficient(
  { nSupport, dualCoef }: Pick<Expansion, 'nSupport' | 'dualCoef'>,
  [i, j]: [number, number],
  visit: (coefficient: number, supportVector: number) => void,
): void {
  const vectors = dualCoef.length / (nSupport.length - 1)
  for (let c = 0, start = 0; c < nSupport.length; start += nSupport[c++]) {
    if (c !== i && c !== j) continue
    const line = c === i ? j - 1 : i
    for (let s = start; s < start + nSupport[c]; s++) {
      const coefficient = dualCoef[line * vectors + s]
      if (coefficient !== 0) visit(coefficient, s)
    }
  }
}

/**
 * Answers decision values. A function of the expansion alone, so that a model that was saved and loaded gives
 * the same bits.
 */
export class Predictor {
  readonly pairs: [number, number][]
  readonly #engine: Engine
  readonly #rows: PackedRows
  readonly #conditioning: Conditioning
  readonly #intercept: Float64Array
  readonly #weights: PairWeights | undefined
  readonly #staging: number
  /** f32 a position of `#rows`: 1 for a support vector, 0 for the padding; then a peak for each row of a block. */
  #members = 0
  #peaks = 0
  /** The largest |s|^2. */
  #largestNorm = 0
  readonly #values: number
  readonly #sums: number

  private constructor(engine: Engine, expansion: Expansion) {
    const classes = expansion.nSupport.length
    this.#engine = engine
    this.pairs = pairsOf(classes)
    const linear = expansion.kernel.kind === 'linear'
    const { supportVectors } = expansion
    this.#conditioning = conditioningOf(supportVectors, expansion.kernel.kind)
    const { scale } = this.#conditioning
    if (linear) {
      // A linear expansion is a vector of weights a pair: its rows stand in for the support vectors.
      const { weights, intercept } = collapse(expansion, this.pairs, this.#conditioning)
      this.#intercept = intercept
      const rows = [Int32Array.from(this.pairs.keys())]
      this.#rows = packRows(engine, weights, rows, expansion.kernel, { centre: undefined, scale: 1 })
      this.#values = engine.allocate(engine.blockRows * this.#rows.runs[0].size * 4)
      this.#sums = 0
    } else {
      this.#intercept = expansion.intercept
      const groups: Int32Array[] = []
      for (let c = 0, at = 0; c < classes; c++) {
        groups.push(Int32Array.from({ length: expansion.nSupport[c] }, (_, i) => at + i))
        at += expansion.nSupport[c]
      }
      const kernel = rescaled(expansion.kernel, scale)
      this.#rows = packRows(engine, supportVectors, groups, kernel, this.#conditioning)
      this.#weights = new PairWeights(engine, this.#rows.runs)
      const { dualCoef } = expansion
      for (const [c, group] of groups.entries()) {
        for (let column = 0; column < classes - 1; column++) {
          const from = column * supportVectors.rows
          this.#weights.setColumn(c, column, group.length, (row) => dualCoef[from + group[row]])
        }
      }
      this.#values = engine.allocate(engine.blockRows * CHUNK * 4)
      this.#sums = engine.allocate(engine.blockRows * this.#weights.length * 8)
      if (kernel.kind === 'rbf') this.#markMembers()
    }
    this.#staging = engine.allocate(engine.blockRows * supportVectors.cols * 4)
  }

  /** @throws {SoftmarginError} `HOST_UNSUPPORTED`, `OUT_OF_MEMORY` */
  static async open(simd: Simd, expansion: Expansion): Promise<Predictor> {
    return new Predictor(await Engine.open(simd), expansion)
  }

  #markMembers(): void {
    const { runs, norms } = this.#rows
    const positions = runs.at(-1)!.start + runs.at(-1)!.size
    this.#peaks = this.#engine.allocate(this.#engine.blockRows * 4)
    this.#members = this.#engine.allocate(positions * 4)
    const members = this.#engine.float32(this.#members, positions).fill(0)
    const squares = this.#engine.float32(norms, positions)
    for (const { start, count } of runs) members.fill(1, start, start + count)
    for (const square of squares) if (square > this.#largestNorm) this.#largestNorm = square
  }

  /** Decision values of the rows of X, rows x pairs, row after row. X is finite and as wide as the vectors. */
  async decide(X: Matrix, pace: Pace, onBlock?: (done: number) => void): Promise<Float64Array> {
    const out = new Float64Array(X.rows * this.pairs.length)
    const { blockRows } = this.#engine
    for (let from = 0; from < X.rows; from += blockRows) {
      const rows = Math.min(blockRows, X.rows - from)
      const staging = this.#engine.float32(this.#staging, rows * X.cols)
      for (let r = 0; r < rows; r++) {
        condition(X.data, (from + r) * X.cols, X.cols, this.#conditioning, staging, r * X.cols)
      }
      this.#rows.take(this.#staging, rows)
      const decisions = out.subarray(from * this.pairs.length, (from + rows) * this.pairs.length)
      if (this.#weights) await this.#decideBlock(this.#weights, rows, decisions, pace)
      else await this.#decideLinear(rows, decisions, pace)
      onBlock?.(from + rows)
    }
    return out
  }

  async #decideLinear(rows: number, out: Float64Array, pace: Pace): Promise<void> {
    const pairs = this.pairs.length
    const { size } = this.#rows.runs[0]
    const step = this.#rows.columnsPerCall(rows)
    for (let j = 0; j < size; j += step) {
      this.#rows.multiply(rows, j, Math.min(step, size - j), this.#values + j * 4, size * 4)
      if (pace.due) await pace.rest()
    }
    const values = this.#engine.float32(this.#values, rows * size)
    for (let r = 0; r < rows; r++) {
      for (let p = 0; p < pairs; p++) out[r * pairs + p] = values[r * size + p] + this.#intercept[p]
    }
  }

  async #decideBlock(weights: PairWeights, rows: number, out: Float64Array, pace: Pace): Promise<void> {
    const { exports } = this.#engine
    const { columns, length } = weights
    this.#engine.float64(this.#sums, rows * length).fill(0)
    const peaks = this.#mayBeFar(rows) ? new Float32Array(rows) : undefined
    const step = Math.min(CHUNK, this.#rows.columnsPerCall(rows))
    for (const [c, run] of this.#rows.runs.entries()) {
      for (let j = 0; j < run.size; j += step) {
        const cols = Math.min(step, run.size - j)
        this.#rows.multiply(rows, run.start + j, cols, this.#values, CHUNK * 4)
        exports.weightedSums(
          ...([this.#values, CHUNK * 4, rows, cols] as const),
          ...([weights.address(c, j), columns, this.#sums + c * columns * 8, length * 8] as const),
        )
        if (peaks) this.#raise(peaks, run.start + j, cols)
        if (pace.due) await pace.rest()
      }
    }
    if (peaks) {
      for (let r = 0; r < rows; r++) if (peaks[r] < FAR_VALUE) this.#decideFar(weights, r)
    }
    const pairs = this.pairs.length
    const sums = this.#engine.float64(this.#sums, rows * length)
    for (let r = 0; r < rows; r++) {
      const own = sums.subarray(r * length, (r + 1) * length)
      weights.decide(own, this.#intercept, out.subarray(r * pairs, (r + 1) * pairs))
    }
  }

  /** Whether a row of the block can be far: |x - s|^2 is at most 2 |x|^2 + 2 |s|^2. */
  #mayBeFar(rows: number): boolean {
    if (this.#members === 0) return false
    let largest = 0
    for (let r = 0; r < rows; r++) largest = Math.max(largest, this.#rows.leftNorm(r))
    return this.#rows.kernel.gamma * 2 * (largest + this.#largestNorm) > FAR
  }

  #raise(peaks: Float32Array, position: number, cols: number): void {
    const members = this.#members + position * 4
    this.#engine.exports.rowPeaks(this.#values, CHUNK * 4, peaks.length, cols, members, this.#peaks)
    const found = this.#engine.float32(this.#peaks, peaks.length)
    for (let r = 0; r < peaks.length; r++) if (found[r] > peaks[r]) peaks[r] = found[r]
  }

  /** Makes the sums of row `r` of the block anew, in float64. The left side holds that row alone afterwards. */
  #decideFar(weights: PairWeights, r: number): void {
    const { columns, length } = weights
    const sums = this.#sums + r * length * 8
    this.#engine.float64(sums, length).fill(0)
    this.#rows.take(this.#staging + r * this.#rows.width * 4, 1)
    const norm = this.#rows.leftNorm(0)
    for (const [c, run] of this.#rows.runs.entries()) {
      for (let j = 0; j < run.size; j += CHUNK) {
        const cols = Math.min(CHUNK, run.size - j)
        const at = run.start + j
        this.#rows.multiplyPlain(1, at, cols, this.#values, CHUNK * 4)
        this.#engine.exports.farSums(
          ...([this.#values, norm, this.#rows.norms + at * 4, this.#members + at * 4, cols] as const),
          ...([this.#rows.kernel.gamma, weights.address(c, j), columns, sums + c * columns * 8] as const),
        )
      }
    }
  }
}

/** The weights of a linear expansion for conditioned rows, pairs x columns, and the intercepts that go with them. */
function collapse(
  expansion: Expansion,
  pairs: [number, number][],
  { centre, scale }: Conditioning,
): { weights: Matrix; intercept: Float64Array } {
  const { supportVectors, intercept } = expansion
  const { cols, data } = supportVectors
  const weights = new Matrix(new Float32Array(pairs.length * cols), pairs.length, cols)
  const moved = new Float64Array(pairs.length)
  const sum = new Float64Array(cols)
  for (const [p, pair] of pairs.entries()) {
    sum.fill(0)
    forEachCoefficient(expansion, pair, (coefficient, s) => {
      for (let k = 0; k < cols; k++) sum[k] += coefficient * data[s * cols + k]
    })
    moved[p] = intercept[p]
    for (let k = 0; k < cols; k++) {
      weights.data[p * cols + k] = sum[k] / scale
      moved[p] += sum[k] * (centre?.[k] ?? 0)
    }
  }
  return { weights, intercept: moved }
}
