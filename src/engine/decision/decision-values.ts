import type { Matrix } from '../../core/matrix.ts'
import { conditioningOf, rescaled } from '../kernel/kernel.ts'
import type { PackedLayout } from '../kernel/packed-rows.ts'
import { Packer } from '../kernel/packer.ts'
import { PairWeights } from '../kernel/pair-weights.ts'
import { vectorsOfClasses } from '../kernel/pairs.ts'
import { Engine } from '../wasm/engine.ts'
import type { Simd } from '../wasm/module.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import type { Expansion } from './expansion.ts'
import { Float32Decider, MAX_FLOAT32_ERROR, UNIT_ROUNDOFF } from './float32-decider.ts'
import type { DecisionLayout, RowDecider } from './row-decider.ts'

/** Median of gamma |x|^2 over the support vectors above which an rbf kernel is computed in float64. */
const MAX_MEDIAN_GAMMA_NORM = 2 ** 13

/** Receives the decision values of the next rows, in an array that is reused, and the number of rows done so far. */
export type OnBlock = (decisions: Float64Array, done: number) => void

/**
 * Computes decision values of an expansion. The results depend only on the expansion and the SIMD build, so a model that
 * was saved and loaded gives bit-identical results on the same build.
 */
export class DecisionValues {
  readonly engine: Engine
  readonly simd: Simd
  readonly layout: DecisionLayout
  readonly decider: RowDecider
  readonly #expansion: Expansion
  /** Computes in float64 the rows whose decision values overflow float32; created for the first such row. */
  #precise: DecisionValues | undefined

  private constructor(
    engine: Engine,
    simd: Simd,
    expansion: Expansion,
    layout: DecisionLayout,
    decider: RowDecider,
  ) {
    this.engine = engine
    this.simd = simd
    this.layout = layout
    this.decider = decider
    this.#expansion = expansion
  }

  /**
   * Lays out an expansion in an engine, for float64 if float32 would be too inaccurate.
   *
   * @param o.shared whether threads will share the engine's memory. Default false
   * @param o.precise whether to compute in float64 in any case. Default false
   * @throws {SoftmarginError} `ABORTED`, `HOST_UNSUPPORTED`, `OUT_OF_MEMORY`
   */
  static async open(
    simd: Simd,
    expansion: Expansion,
    timeSlice: TimeSlice,
    o: { shared?: boolean; precise?: boolean } = {},
  ): Promise<DecisionValues> {
    const { shared, precise } = o
    const inFloat32 = precise
      ? undefined
      : await DecisionValues.#inFloat32(simd, expansion, timeSlice, shared)
    return inFloat32 ?? DecisionValues.#inFloat64(simd, expansion, timeSlice, shared)
  }

  /** `open`; undefined if float32 would be too inaccurate. */
  static async #inFloat32(simd: Simd, expansion: Expansion, timeSlice: TimeSlice, shared?: boolean) {
    const engine = await Engine.open(simd, shared, 'prediction')
    try {
      const layout = await layOut(engine, expansion, timeSlice)
      if (layout) {
        return new DecisionValues(engine, simd, expansion, layout, new Float32Decider(engine, layout))
      }
    } catch (error) {
      engine.close()
      throw error
    }
    engine.close()
    return undefined
  }

  static async #inFloat64(simd: Simd, expansion: Expansion, timeSlice: TimeSlice, shared?: boolean) {
    // Few models need float64, and few rows of others: neither its code nor its kernels are in what predictions load.
    const { Float64Decider, layOutPrecisely } = await import('./rare-decisions.ts')
    const engine = await Engine.open(simd, shared)
    try {
      const layout = await layOutPrecisely(engine, expansion, timeSlice)
      return new DecisionValues(engine, simd, expansion, layout, new Float64Decider(engine, layout))
    } catch (error) {
      engine.close()
      throw error
    }
  }

  /** Closes its engines. It must not be used afterwards. */
  close(): void {
    this.engine.close()
    this.#precise?.close()
  }

  /**
   * Computes the decision values of the rows of X, block by block: with many classes there are too many pairs to hold
   * the values of all rows at once.
   *
   * @param X finite, with as many columns as the support vectors
   * @param onBlock receives the decision values of a block, rows x pairs
   * @throws {SoftmarginError} `ABORTED`, `OUT_OF_MEMORY`
   */
  async decide(X: Matrix, timeSlice: TimeSlice, onBlock: OnBlock): Promise<void> {
    const { blockRows } = this.decider
    const pairs = this.layout.intercept.length
    const out = new Float64Array(Math.min(X.rows, blockRows) * pairs)
    for (let from = 0; from < X.rows; from += blockRows) {
      const rows = Math.min(blockRows, X.rows - from)
      const values = X.data.subarray(from * X.cols, (from + rows) * X.cols)
      const decisions = out.subarray(0, rows * pairs)
      await this.decider.decide(values, rows, decisions, timeSlice)
      await this.recomputeOverflowedRows(values, decisions, timeSlice)
      onBlock(decisions, from + rows)
    }
  }

  /**
   * Computes in float64 the decision values of those rows that have an infinite value or NaN in float32.
   *
   * @param rows the values of the rows
   * @param decisions rows x pairs
   * @throws {SoftmarginError} `ABORTED`, `OUT_OF_MEMORY`
   */
  async recomputeOverflowedRows(
    rows: Float32Array,
    decisions: Float64Array,
    timeSlice: TimeSlice,
  ): Promise<void> {
    if (this.layout.conditioning.precise || decisions.every(Number.isFinite)) return
    this.#precise ??= await DecisionValues.open(this.simd, this.#expansion, timeSlice, { precise: true })
    const { width } = this.layout.rows
    const pairs = this.layout.intercept.length
    // Row by row, so that the values of a row do not depend on other rows.
    for (let row = 0; row * pairs < decisions.length; row++) {
      const out = decisions.subarray(row * pairs, (row + 1) * pairs)
      if (out.every(Number.isFinite)) continue
      await this.#precise.decider.decide(rows.subarray(row * width, (row + 1) * width), 1, out, timeSlice)
    }
  }
}

/** Lays out an expansion for float32; undefined if that would be too inaccurate. */
async function layOut(
  engine: Engine,
  expansion: Expansion,
  timeSlice: TimeSlice,
): Promise<DecisionLayout | undefined> {
  const { supportVectors, kernel, dualCoef } = expansion
  const conditioning = await conditioningOf(engine, supportVectors, kernel.kind, timeSlice)
  if (kernel.kind === 'linear') {
    const { layOutLinear } = await import('./rare-decisions.ts')
    return layOutLinear(engine, expansion, conditioning, timeSlice)
  }
  const groups = vectorsOfClasses(expansion.nSupport)
  const scaledKernel = rescaled(kernel, conditioning.scale)
  const rows = await new Packer(engine, supportVectors, groups, scaledKernel, conditioning).packAll(timeSlice)
  if (isTooInexact(engine, rows, expansion)) return undefined
  const largest = dualCoef.reduce((most, coefficient) => Math.max(most, Math.abs(coefficient)), 0)
  const weights = PairWeights.allocate(engine, rows.runs, largest)
  await weights.setAll(dualCoef, timeSlice)
  return { rows, conditioning, weights: weights.layout, intercept: expansion.intercept }
}

/**
 * Whether float32 rounding may change decision values by more than `MAX_FLOAT32_ERROR`. The error is estimated as
 * u sqrt(sum(coef^2 K(s, s)) mean(K(s, s))) over the support vectors s, with the unit roundoff u (times the degree of a
 * polynomial): the errors of the terms are taken to be independent, and K(x, x) of a new row to be the mean K(s, s).
 */
function isTooInexact(engine: Engine, rows: PackedLayout, { dualCoef, nSupport }: Expansion): boolean {
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
  if (kind === 'rbf' && gamma * norms.sort((a, b) => a - b)[norms.length >> 1] > MAX_MEDIAN_GAMMA_NORM)
    return true
  const mean = sizes.reduce((sum, size) => sum + size, 0) / vectors
  const unit = kind === 'poly' ? UNIT_ROUNDOFF * Math.max(1, degree) : UNIT_ROUNDOFF
  let most = 0
  // A row of dualCoef has one coefficient per support vector; those of
  // one class belong to one pair. A row therefore mixes pairs, which suffices for an estimate.
  for (let from = 0; from < dualCoef.length; from += vectors) {
    let squares = 0
    for (let s = 0; s < vectors; s++) squares += dualCoef[from + s] ** 2 * sizes[s]
    most = Math.max(most, squares)
  }
  return !(unit * Math.sqrt(most * mean) <= MAX_FLOAT32_ERROR)
}
