import { Matrix } from '../matrix.ts'
import { Engine } from './engine.ts'
import { type Conditioning, conditioningOf, type Kernel, rescaled } from './kernel.ts'
import type { Simd } from './module.ts'
import type { Pace } from './pace.ts'
import { condition, PackedRows } from './packed-rows.ts'

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

/** The numbers of all pairs (i, j), i < j, in order. */
export function pairsOf(classes: number): [number, number][] {
  const pairs: [number, number][] = []
  for (let i = 0; i < classes; i++) for (let j = i + 1; j < classes; j++) pairs.push([i, j])
  return pairs
}

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
  /** One entry a group of rows: where its weights are, how many outputs it feeds, and to which pairs. */
  readonly #groups: { weights: number; columns: number; outputs: { pair: number; column: number }[] }[] = []
  readonly #staging: number
  readonly #values: number
  readonly #sums: number
  readonly #columns: number

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
      this.#rows = new PackedRows(engine, weights, rows, expansion.kernel, { centre: undefined, scale: 1 })
      this.#columns = 0
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
      this.#rows = new PackedRows(engine, supportVectors, groups, kernel, this.#conditioning)
      this.#columns = Math.ceil((classes - 1) / 4) * 4
      this.#placeWeights(expansion, groups)
      this.#values = engine.allocate(engine.blockRows * CHUNK * 4)
      this.#sums = engine.allocate(engine.blockRows * classes * this.#columns * 8)
    }
    this.#staging = engine.allocate(engine.blockRows * supportVectors.cols * 4)
  }

  /** @throws {SoftmarginError} `HOST_UNSUPPORTED`, `OUT_OF_MEMORY` */
  static async open(simd: Simd, expansion: Expansion): Promise<Predictor> {
    return new Predictor(await Engine.open(simd), expansion)
  }

  #placeWeights({ dualCoef, supportVectors }: Expansion, groups: Int32Array[]): void {
    for (const [c, group] of groups.entries()) {
      const size = this.#rows.runs[c].size
      const address = this.#engine.allocate(size * this.#columns * 4)
      const view = this.#engine.float32(address, size * this.#columns).fill(0)
      for (let column = 0; column < groups.length - 1; column++) {
        for (let s = 0; s < group.length; s++) {
          view[s * this.#columns + column] = dualCoef[column * supportVectors.rows + group[s]]
        }
      }
      const outputs = this.pairs.flatMap(([i, j], pair) =>
        i === c ? [{ pair, column: j - 1 }] : j === c ? [{ pair, column: i }] : [],
      )
      this.#groups.push({ weights: address, columns: this.#columns, outputs })
    }
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
      if (this.#groups.length === 0) await this.#decideLinear(rows, decisions, pace)
      else await this.#decideBlock(rows, decisions, pace)
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

  async #decideBlock(rows: number, out: Float64Array, pace: Pace): Promise<void> {
    const { exports } = this.#engine
    const pairs = this.pairs.length
    const length = this.#groups.length * this.#columns
    this.#engine.float64(this.#sums, rows * length).fill(0)
    for (const [c, { weights, columns }] of this.#groups.entries()) {
      const run = this.#rows.runs[c]
      const step = Math.min(CHUNK, this.#rows.columnsPerCall(rows))
      for (let j = 0; j < run.size; j += step) {
        const cols = Math.min(step, run.size - j)
        this.#rows.multiply(rows, run.start + j, cols, this.#values, CHUNK * 4)
        exports.weightedSums(
          ...([this.#values, CHUNK * 4, rows, cols] as const),
          ...([weights + j * columns * 4, columns, this.#sums + c * columns * 8, length * 8] as const),
        )
        if (pace.due) await pace.rest()
      }
    }
    const sums = this.#engine.float64(this.#sums, rows * length)
    for (let r = 0; r < rows; r++) {
      out.set(this.#intercept, r * pairs)
      for (const [c, { outputs }] of this.#groups.entries()) {
        for (const { pair, column } of outputs) {
          out[r * pairs + pair] += sums[r * length + c * this.#columns + column]
        }
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
