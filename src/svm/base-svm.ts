// Base class of the SVMs with a single decision function: SVR and OneClassSVM.

import type { LongCall, Warned } from '../core/call-options.ts'
import { SoftmarginError } from '../core/errors.ts'
import { Matrix, type MatrixLike } from '../core/matrix.ts'
import { decisionThreads } from '../engine/decision/decision-threads.ts'
import type { DualProblem } from '../engine/dual/dual-problem.ts'
import type { ColumnStats } from '../engine/kernel/column-stats.ts'
import type { SvmKernel } from '../engine/kernel/kernel.ts'
import { PackedRows } from '../engine/kernel/packed-rows.ts'
import { expectedError, isImprecise, roundingError } from '../engine/kernel/rounding-error.ts'
import { chooseRows } from '../engine/rows/choose-rows.ts'
import { type FitStatus, Solver } from '../engine/solver/solver.ts'
import { Engine } from '../engine/wasm/engine.ts'
import { TimeSlice } from '../engine/wasm/time-slice.ts'
import { DecisionFunction } from './model/decision-function.ts'
import type { FittedModel } from './model/fitted-model.ts'
import { kernelFor } from './model/resolve-kernel.ts'
import type { SampleWeight } from './model/sample-weight.ts'
import type { SvmOptions, SvmParameters } from './model/svm-params.ts'
import { worseStatus } from './model/worse-status.ts'
import { ModelAssembler, uncentre, warnOfRounding } from './training/assemble-model.ts'
import { cacheBytes } from './training/memory-plan.ts'
import type { FitProgress } from './training/one-vs-one.ts'
import { prepareKernel } from './training/prepare-kernel.ts'

/**
 * A fitted SVM with one decision function, as plain data. `fromState` restores it, also after
 * `structuredClone`, `postMessage`, IndexedDB or JSON.
 */
export interface BaseSvmState<O extends SvmOptions> extends FittedModel {
  options: O
}

/** Options of `fit` for an SVM with one decision function. */
export interface SingleFitOptions extends LongCall<FitProgress>, Warned {
  /**
   * A factor of the upper bound of each row's dual variable, 0 or more. Rows with weight 0 are left out.
   * Default: 1 for all rows.
   */
  sampleWeight?: SampleWeight | undefined
}

/**
 * The dual variables of the rows, one for each: p, the bounds of b, and b to start from (default 0). `Float64Array`s by
 * row of X; default of a bound: 0.
 */
export interface DualVariables {
  p?: Float64Array
  lower?: Float64Array
  upper?: Float64Array
  beta?: Float64Array
}

/** The single dual problem of an SVM. */
export interface SingleProblem {
  /** Weight of each row of X. Rows with weight 0 are left out. */
  weights: Float64Array
  variables: DualVariables
  /**
   * A second dual variable for every row, as in SVR, where the first raises the function at the row and this lowers it.
   */
  second?: DualVariables
  /**
   * Scale against which the rounding error of decision values is judged; default: the spread of the decision
   * values.
   */
  margin?: number
}

/**
 * Writes dual variables of the rows to the points of a problem from number `at` on.
 *
 * @param unit as in `PreparedKernel`
 */
function fillRun(
  problem: DualProblem,
  at: number,
  rows: Int32Array,
  { p, lower, upper, beta }: DualVariables,
  unit: number,
): void {
  for (const [k, row] of rows.entries()) {
    if (p) problem.gradient[at + k] = p[row]
    if (lower) problem.lower[at + k] = lower[row] / unit
    if (upper) problem.upper[at + k] = upper[row] / unit
    if (beta) problem.beta[at + k] = beta[row] / unit
  }
}

/**
 * Corrects p where h(x) + h(z) is subtracted from the kernel and b does not sum to 0. K b then lacks h(x) times
 * the sum of b, which is added to p here, and a constant that is the same for all rows.
 */
function addSubtracted({ beta, gradient }: DualProblem, h: Float64Array): void {
  const sum = beta.reduce((total, value) => total + value, 0)
  for (let k = 0; k < h.length; k++) gradient[k] += sum * h[k]
}

function spread(values: Float64Array): number {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of values) {
    least = Math.min(least, value)
    most = Math.max(most, value)
  }
  return most - least
}

/** Base of SVMs with one decision function, f(x) = sum(dualCoef K) + intercept. */
export abstract class BaseSVM<P extends SvmParameters> {
  protected readonly parameters: P
  /** The class name for messages; a literal, because minifiers rename classes. */
  readonly #name: string
  #fitted: { model: FittedModel; decisions: DecisionFunction } | undefined
  #disposed = false

  protected constructor(name: string, parameters: P) {
    this.#name = name
    this.parameters = parameters
  }

  /** Returns all options with their values. */
  getParams(): P {
    return { ...this.parameters }
  }

  /**
   * Solves the dual problem and stores the fitted model.
   *
   * @internal
   */
  protected async solve(X: Matrix, problem: SingleProblem, o: SingleFitOptions): Promise<void> {
    const timeSlice = new TimeSlice(o.signal)
    const { kernel, survey } = await kernelFor(this.parameters, X, timeSlice)
    const attempt = (forced: boolean) => this.#fit({ X, kernel, survey }, problem, timeSlice, o, forced)
    let fitted = await attempt(false)
    // Precision lost in float32 may be recovered with kernel values computed in float64.
    if (fitted.isImprecise && !fitted.precise) fitted = await attempt(true)
    const { model } = fitted
    if (fitted.isImprecise) {
      warnOfRounding(fitted.rounding, fitted.margin, o.onWarning)
      model.fitStatus = worseStatus(model.fitStatus, 'imprecise')
    }
    this.setModel(model)
  }

  async #fit(
    { X, kernel, survey }: { X: Matrix; kernel: SvmKernel; survey: ColumnStats },
    { weights, variables, second, margin }: SingleProblem,
    timeSlice: TimeSlice,
    { onProgress }: SingleFitOptions,
    forced: boolean,
  ) {
    const { tol, maxIter, cacheSize, simd } = this.parameters
    const rows = Int32Array.from(weights.keys()).filter((row) => weights[row] > 0)
    const none = new Int32Array(0)
    const engine = await Engine.open(simd)
    try {
      // With every row present twice the b sum to 0, as they do with two classes.
      const groups = second ? [rows] : [rows, none]
      const laidOut = await prepareKernel(engine, { X, groups, survey }, kernel, timeSlice, {
        ...{ centred: second !== undefined, precise: forced },
      })
      const { source, packer, unit, centre, precise } = laidOut
      for (const group of groups.keys()) await packer?.pack(group, timeSlice)
      const solver = new Solver(engine, source.runs, source.kind)
      const provider = chooseRows(engine, source, cacheBytes(cacheSize))
      const problem = await solver.attach(provider, 0, second ? 0 : 1, tol, timeSlice)
      const { split } = problem
      fillRun(problem, 0, rows, variables, unit)
      if (second) fillRun(problem, split, rows, second, unit)
      const p = problem.gradient.slice(0, split)
      const packed = source instanceof PackedRows ? source : undefined
      const offsets = packed?.layout.precise?.offsets
      if (offsets && !second) addSubtracted(problem, engine.float64(offsets, rows.length))
      const tell = (gap: number, done: number) => onProgress?.({ done, total: 1, gap, threads: 1 })
      const result = await solver.run({
        ...{ maxIterations: maxIter, timeSlice, start: 'given' },
        onSlice: (gap) => tell(gap, 0),
      })
      const { rho, iterations, status } = result!
      const points = problem.beta
      const beta = points.slice(0, split)
      if (second) for (let k = 0; k < split; k++) beta[k] += points[split + k]
      const products = problem.gradient.slice(0, split).map((value, k) => value - p[k])
      const expected = packed ? expectedError(points, problem.diagonal, packed.kernel) : 0
      const rounding =
        packed && (precise || expected > tol)
          ? roundingError(engine, packed, [source.runs[0]], beta, products)
          : { error: 0, offset: 0 }
      const width = margin ?? spread(products.subarray(0, rows.length))
      const solutions = new ModelAssembler([rows, none], X.rows)
      solutions.add({ line: 0, group: 0, beta: beta.slice(0, rows.length), unit })
      // The term subtracted from the kernel shifts K b by the same amount in every row; rho makes up for it.
      solutions.close(-(rho - (precise ? rounding.offset : 0)), iterations, status)
      tell(problem.gap, 1)
      const model = await solutions.assemble(X, kernel, timeSlice)
      if (centre) await uncentre(model, [[0, 1]], centre, timeSlice)
      return {
        model,
        precise,
        rounding,
        margin: width,
        isImprecise: isImprecise(rounding, tol, width),
      }
    } finally {
      engine.close()
    }
  }

  /** @internal */
  protected setModel(model: FittedModel): void {
    this.checkAlive()
    this.#fitted?.decisions.dispose()
    const { simd } = this.parameters
    const decisions = new DecisionFunction(model, { simd, onThreads: decisionThreads })
    this.#fitted = { model, decisions }
  }

  /**
   * Returns f(x) of each row.
   *
   * @internal
   */
  protected decide(X: MatrixLike, o: LongCall): Promise<Float64Array> {
    return this.#checkFitted().decisions.decide(X, o)
  }

  /** Row numbers in X of the support vectors. */
  get support(): Int32Array {
    return this.#checkFitted().model.support
  }
  /** The support vectors, vectors x columns; zero columns for a precomputed kernel. */
  get supportVectors(): Matrix {
    return this.#checkFitted().model.supportVectors
  }
  /** Dual coefficients of the support vectors, 1 x vectors. */
  get dualCoef(): Matrix {
    const { dualCoef } = this.#checkFitted().model
    return new Matrix(Float32Array.from(dualCoef), 1, dualCoef.length)
  }
  /** The constant of the decision function. */
  get intercept(): number {
    return this.#checkFitted().model.intercept[0]
  }
  /** Number of solver iterations. */
  get nIter(): number {
    return this.#checkFitted().model.nIter[0]
  }
  /** Why the solver stopped. */
  get fitStatus(): FitStatus {
    return this.#checkFitted().model.fitStatus
  }

  /**
   * Returns the fitted model as plain data. The arrays are not copied: do not change them.
   *
   * @throws {SoftmarginError} `NOT_FITTED`, `DISPOSED`
   */
  toState(): BaseSvmState<P> {
    return { ...this.#checkFitted().model, options: this.getParams() }
  }

  protected checkAlive(): void {
    if (this.#disposed) {
      throw new SoftmarginError('DISPOSED', `this ${this.#name} was disposed of; create a new one`)
    }
  }

  #checkFitted(): { model: FittedModel; decisions: DecisionFunction } {
    this.checkAlive()
    if (this.#fitted) return this.#fitted
    throw new SoftmarginError('NOT_FITTED', `this ${this.#name} is not fitted; call fit() first`)
  }

  /**
   * Releases the fitted model and its memory. Fitting or predicting afterwards throws `DISPOSED`; a second `dispose`
   * does nothing.
   */
  dispose(): void {
    this.#disposed = true
    this.#fitted?.decisions.dispose()
    this.#fitted = undefined
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
