import { Matrix } from '../../core/matrix.ts'
import { type Conditioning, conditioningOf, rescaled } from '../kernel/kernel.ts'
import type { PackedRows } from '../kernel/packed-rows.ts'
import { Conditioner, packRows } from '../kernel/packer.ts'
import { PairWeights } from '../kernel/pair-weights.ts'
import { pairsOf, vectorsOfClasses } from '../kernel/pairs.ts'
import { RbfUnderflow } from '../kernel/rbf-underflow.ts'
import { positionsIn } from '../kernel/runs.ts'
import { Engine } from '../wasm/engine.ts'
import type { Simd } from '../wasm/module.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import { type Expansion, forEachCoefficient } from './expansion.ts'
import { PrecisePredictor } from './precise-predictor.ts'

/** If float32 rounding may change decision values by more than this (the margin is 1), float64 is used. */
const NOISE = 2 ** -7
/** Unit roundoff of float32. */
const UNIT = 2 ** -24
/** gamma |x|^2 above which squared distances of an rbf kernel are computed in float64. */
const LARGE = 2 ** 13

/** Columns of kernel values that are computed and summed while they are in the cache. */
const CHUNK = 1024

/**
 * Computes decision values of an expansion. The results depend on the expansion only, so a model that was saved and
 * loaded gives bitwise identical results.
 */
export class Predictor {
  readonly pairs: [number, number][]
  readonly #engine: Engine
  readonly #rows: PackedRows
  readonly #conditioner: Conditioner
  readonly #intercept: Float64Array
  readonly #weights: PairWeights | undefined
  readonly #staging: number
  /** Handles float32 underflow; rbf kernel only. */
  readonly #far: RbfUnderflow | undefined
  /** Address of scratch for a block's values with all support vectors; 0 until it is needed by `#sumFar`. */
  #wide = 0
  readonly #values: number
  readonly #sums: number
  /** Creates the float64 predictor for rows whose kernel values exceed the range of float32. */
  readonly #openPrecise: (timeSlice: TimeSlice) => Promise<PrecisePredictor>
  #precise: PrecisePredictor | undefined

  /** @param o.weights coefficients; undefined for a linear kernel, where `rows` are the weight vectors */
  private constructor(
    engine: Engine,
    rows: PackedRows,
    o: {
      pairs: [number, number][]
      conditioning: Conditioning
      intercept: Float64Array
      weights?: PairWeights
      openPrecise(timeSlice: TimeSlice): Promise<PrecisePredictor>
    },
  ) {
    this.#engine = engine
    this.#openPrecise = o.openPrecise
    this.#rows = rows
    this.pairs = o.pairs
    this.#conditioner = new Conditioner(engine, o.conditioning, rows.width)
    this.#intercept = o.intercept
    this.#weights = o.weights
    if (o.weights) {
      this.#values = engine.allocate(engine.blockRows * CHUNK * 4)
      this.#sums = engine.allocate(engine.blockRows * o.weights.length * 8)
      if (rows.kernel.kind === 'rbf') this.#far = this.#farRows(rows.kernel.gamma)
    } else {
      this.#values = engine.allocate(engine.blockRows * rows.runs[0].size * 4)
      this.#sums = 0
    }
    this.#staging = engine.allocate(engine.blockRows * rows.width * 4)
  }

  /**
   * Prepares an engine for an expansion. Returns a `PrecisePredictor` if float32 would be too inaccurate.
   *
   * @throws {SoftmarginError} `ABORTED`, `HOST_UNSUPPORTED`, `OUT_OF_MEMORY`
   */
  static async open(
    simd: Simd,
    expansion: Expansion,
    timeSlice: TimeSlice,
  ): Promise<Predictor | PrecisePredictor> {
    const engine = await Engine.open(simd)
    const openPrecise = (ownTimeSlice: TimeSlice) => PrecisePredictor.open(simd, expansion, ownTimeSlice)
    let predictor: Predictor | undefined
    try {
      predictor = await Predictor.#openIn(engine, expansion, timeSlice, openPrecise)
    } finally {
      if (!predictor) engine.close()
    }
    return predictor ?? openPrecise(timeSlice)
  }

  /** Like `open`, in this engine; undefined if float32 would be too inaccurate. */
  static async #openIn(
    engine: Engine,
    expansion: Expansion,
    timeSlice: TimeSlice,
    openPrecise: (timeSlice: TimeSlice) => Promise<PrecisePredictor>,
  ): Promise<Predictor | undefined> {
    const { supportVectors, kernel } = expansion
    const pairs = pairsOf(expansion.nSupport.length)
    const conditioning = await conditioningOf(engine, supportVectors, kernel.kind, timeSlice)
    if (kernel.kind === 'linear') {
      // A linear expansion collapses to one weight vector per pair; these are packed instead of the support vectors.
      const { weights, intercept } = await collapse(expansion, pairs, conditioning, timeSlice)
      if (linearNoise(weights, supportVectors, conditioning) > NOISE) return undefined
      const groups = [Int32Array.from(pairs.keys())]
      const plain = { centre: undefined, scale: 1 }
      const rows = await packRows(engine, weights, groups, kernel, plain, timeSlice)
      return new Predictor(engine, rows, { pairs, conditioning, intercept, openPrecise })
    }
    const groups = vectorsOfClasses(expansion.nSupport)
    const own = rescaled(kernel, conditioning.scale)
    const rows = await packRows(engine, supportVectors, groups, own, conditioning, timeSlice)
    const { dualCoef, intercept } = expansion
    if (isNoisy(engine, rows, expansion)) return undefined
    const largest = dualCoef.reduce((most, coefficient) => Math.max(most, Math.abs(coefficient)), 0)
    const weights = new PairWeights(engine, rows.runs, largest)
    await weights.setAll(dualCoef, timeSlice)
    return new Predictor(engine, rows, { pairs, conditioning, intercept, weights, openPrecise })
  }

  /** Closes its engines. It must not be used afterwards. */
  close(): void {
    this.#engine.close()
    this.#precise?.close()
  }

  /** Number of positions of the support vectors, including padding. */
  get #size(): number {
    return positionsIn(this.#rows.runs)
  }

  #farRows(gamma: number): RbfUnderflow {
    const members = this.#engine.allocate(this.#size * 4)
    const view = this.#engine.float32(members, this.#size).fill(0)
    for (const { start, count } of this.#rows.runs) view.fill(1, start, start + count)
    return new RbfUnderflow(
      this.#engine,
      gamma,
      this.#size,
      this.#rows.norms,
      members,
      this.#engine.blockRows,
    )
  }

  /**
   * Computes decision values of the rows of X block by block; with many classes those of all rows could be too large.
   *
   * @param X finite, with as many columns as the support vectors
   * @param onBlock receives the decision values of a block, rows x pairs, in an array that is reused for the next
   *   block, and the number of rows done so far
   * @throws {SoftmarginError} `ABORTED`, `OUT_OF_MEMORY`
   */
  async decide(
    X: Matrix,
    timeSlice: TimeSlice,
    onBlock: (decisions: Float64Array, done: number) => void,
  ): Promise<void> {
    const { blockRows } = this.#engine
    const out = new Float64Array(Math.min(X.rows, blockRows) * this.pairs.length)
    for (let from = 0; from < X.rows; from += blockRows) {
      const rows = Math.min(blockRows, X.rows - from)
      const given = X.data.subarray(from * X.cols, (from + rows) * X.cols)
      this.#engine.float32(this.#staging, given.length).set(given)
      this.#conditioner.apply(this.#staging, rows)
      this.#rows.take(this.#staging, rows)
      const decisions = out.subarray(0, rows * this.pairs.length)
      if (this.#weights) await this.#decideBlock(this.#weights, rows, decisions, timeSlice)
      else await this.#decideLinear(rows, decisions, timeSlice)
      if (!decisions.every(Number.isFinite)) {
        this.#precise ??= await this.#openPrecise(timeSlice)
        await this.#precise.decide(new Matrix(given, rows, X.cols), timeSlice, (values, done) => {
          decisions.set(values, done * this.pairs.length - values.length)
        })
      }
      onBlock(decisions, from + rows)
    }
  }

  async #decideLinear(rows: number, out: Float64Array, timeSlice: TimeSlice): Promise<void> {
    const pairs = this.pairs.length
    const { size } = this.#rows.runs[0]
    const step = this.#rows.columnsPerCall(rows)
    for (let j = 0; j < size; j += step) {
      this.#rows.multiply(rows, j, Math.min(step, size - j), this.#values + j * 4, size * 4)
      if (timeSlice.expired) await timeSlice.yield()
    }
    const values = this.#engine.float32(this.#values, rows * size)
    for (let r = 0; r < rows; r++) {
      for (let p = 0; p < pairs; p++) out[r * pairs + p] = values[r * size + p] + this.#intercept[p]
    }
  }

  async #decideBlock(
    weights: PairWeights,
    rows: number,
    out: Float64Array,
    timeSlice: TimeSlice,
  ): Promise<void> {
    const { length } = weights
    this.#engine.float64(this.#sums, rows * length).fill(0)
    if (this.#far?.mayHold(this.#rows.leftNorms, rows))
      await this.#sumFar(this.#far, weights, rows, timeSlice)
    else await this.#sum(weights, rows, timeSlice)
    weights.decide(this.#engine.float64(this.#sums, rows * length), rows, this.#intercept, out, 0)
  }

  /** Computes kernel values chunk by chunk and sums them while they are in the cache. */
  async #sum(weights: PairWeights, rows: number, timeSlice: TimeSlice): Promise<void> {
    const step = Math.min(CHUNK, this.#rows.columnsPerCall(rows))
    for (const [c, run] of this.#rows.runs.entries()) {
      for (let j = 0; j < run.size; j += step) {
        const cols = Math.min(step, run.size - j)
        this.#rows.multiply(rows, run.start + j, cols, this.#values, CHUNK * 4)
        weights.addSums(c, [j, cols], [this.#values, CHUNK * 4, rows], this.#sums)
        if (timeSlice.expired) await timeSlice.yield()
      }
    }
  }

  /** Like `#sum`, for rows that may underflow: the distance to the nearest support vector must be known first. */
  async #sumFar(far: RbfUnderflow, weights: PairWeights, rows: number, timeSlice: TimeSlice): Promise<void> {
    const { length } = weights
    const stride = this.#size * 4
    this.#wide ||= this.#engine.allocate(this.#engine.blockRows * stride)
    const step = this.#rows.columnsPerCall(rows)
    for (let j = 0; j < this.#size; j += step) {
      const cols = Math.min(step, this.#size - j)
      this.#rows.multiplyPlain(rows, j, cols, this.#wide + j * 4, stride)
      if (timeSlice.expired) await timeSlice.yield()
    }
    const { norms, factors } = far.shift(this.#wide, stride, rows, this.#rows.leftNorms)
    this.#rows.apply(this.#wide, stride, rows, 0, this.#size, norms)
    for (const [c, run] of this.#rows.runs.entries()) {
      weights.addSums(c, [0, run.size], [this.#wide + run.start * 4, stride, rows], this.#sums)
    }
    RbfUnderflow.scale(this.#engine.float64(this.#sums, rows * length), length, factors)
  }
}

/** Estimates by how much float32 rounding changes the decision values of a linear SVM. */
function linearNoise(weights: Matrix, vectors: Matrix, { centre, scale }: Conditioning): number {
  let squares = 0
  for (let s = 0; s < vectors.rows; s++) {
    const row = vectors.row(s)
    for (let k = 0; k < row.length; k++) squares += (row[k] - (centre?.[k] ?? 0)) ** 2
  }
  let most = 0
  for (let p = 0; p < weights.rows; p++) {
    most = Math.max(
      most,
      weights.row(p).reduce((sum, weight) => sum + weight * weight, 0),
    )
  }
  return UNIT * Math.sqrt(most * (squares / Math.max(1, vectors.rows))) * scale
}

/** Whether float32 rounding may change decision values by more than `NOISE`. */
function isNoisy(engine: Engine, rows: PackedRows, { dualCoef, nSupport }: Expansion): boolean {
  const { kind, gamma, degree } = rows.kernel
  const vectors = dualCoef.length / (nSupport.length - 1)
  if (vectors === 0) return false
  const sizes = new Float64Array(vectors)
  const norms: number[] = []
  for (let r = 0, at = 0; r < rows.runs.length; at += rows.runs[r++].count) {
    const { start, count } = rows.runs[r]
    const diagonal = engine.float32(rows.diagonal + start * 4, count)
    for (let k = 0; k < count; k++) sizes[at + k] = Math.abs(diagonal[k])
    norms.push(...engine.float32(rows.norms + start * 4, count))
  }
  if (kind === 'rbf' && gamma * norms.sort((a, b) => a - b)[norms.length >> 1] > LARGE) return true
  const mean = sizes.reduce((sum, size) => sum + size, 0) / vectors
  const unit = kind === 'poly' ? UNIT * Math.max(1, degree) : UNIT
  let most = 0
  // A row of dualCoef has one coefficient per support vector; those of each class belong to one pair.
  for (let from = 0; from < dualCoef.length; from += vectors) {
    let squares = 0
    for (let s = 0; s < vectors; s++) squares += dualCoef[from + s] ** 2 * sizes[s]
    most = Math.max(most, squares)
  }
  return !(unit * Math.sqrt(most * mean) <= NOISE)
}

/** Collapses a linear expansion to weights for conditioned rows, pairs x columns, and the matching intercepts. */
async function collapse(
  expansion: Expansion,
  pairs: [number, number][],
  { centre, scale }: Conditioning,
  timeSlice: TimeSlice,
): Promise<{ weights: Matrix; intercept: Float64Array }> {
  const { supportVectors, intercept } = expansion
  const { cols, data } = supportVectors
  const weights = new Matrix(new Float32Array(pairs.length * cols), pairs.length, cols)
  const moved = new Float64Array(pairs.length)
  const sum = new Float64Array(cols)
  for (const [p, pair] of pairs.entries()) {
    sum.fill(0)
    const terms: [number, number][] = []
    forEachCoefficient(expansion, pair, (coefficient, s) => terms.push([coefficient, s]))
    await timeSlice.forEachChunk(terms.length, cols, (from, to) => {
      for (const [coefficient, s] of terms.slice(from, to)) {
        for (let k = 0; k < cols; k++) sum[k] += coefficient * data[s * cols + k]
      }
    })
    moved[p] = intercept[p]
    for (let k = 0; k < cols; k++) {
      weights.data[p * cols + k] = sum[k] / scale
      moved[p] += sum[k] * (centre?.[k] ?? 0)
    }
  }
  return { weights, intercept: moved }
}
