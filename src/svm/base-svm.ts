// Base class of the SVMs with a single decision function: SVR and OneClassSVM.

import type { LongCall, Warned } from '../core/call-options.ts'
import { SoftmarginError } from '../core/errors.ts'
import { checkNotEmpty, Matrix, type MatrixLike } from '../core/matrix.ts'
import type { DualProblem } from '../engine/dual/dual-problem.ts'
import type { ColumnStats } from '../engine/kernel/column-stats.ts'
import type { SvmKernel } from '../engine/kernel/kernel.ts'
import { PackedRows } from '../engine/kernel/packed-rows.ts'
import {
  expectedError,
  isImprecise,
  type RoundingError,
  roundingError,
} from '../engine/kernel/rounding-error.ts'
import type { Run } from '../engine/kernel/runs.ts'
import { type FitStatus, solveDual } from '../engine/solver/solver.ts'
import { Engine } from '../engine/wasm/engine.ts'
import { TimeSlice } from '../engine/wasm/time-slice.ts'
import { DecisionFunction } from './model/decision-function.ts'
import type { FittedModel } from './model/fitted-model.ts'
import { type SampleWeight, sampleWeights } from './model/sample-weight.ts'
import { kernelFor, type SvmOptions, type SvmParameters } from './model/svm-params.ts'
import { ModelAssembler, uncentre, warnOfRounding, worseStatus } from './training/assemble-model.ts'
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

/** The single dual problem of an SVM. */
interface SingleProblem {
  /**
   * Whether every row has two dual variables, as in SVR: one that raises the function at the row and one that
   * lowers it.
   */
  twice: boolean
  /**
   * Scale against which the rounding error of decision values is judged; default: the spread of the decision
   * values.
   */
  margin?: number
  /** Sets gradient to p, and sets lower, upper and beta; `unit` as in `PreparedKernel`. */
  prepare(problem: DualProblem, run: Run, rows: Int32Array, weights: Float64Array, unit: number): void
}

/**
 * Corrects p where h(x) + h(z) is subtracted from the kernel and b does not sum to 0. K b then lacks h(x) times
 * the sum of b, which is added to p here, and a constant that is the same for all rows.
 */
function subtracted({ beta, gradient }: DualProblem, h: Float64Array): void {
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
  #fitted: { machine: FittedModel; decider: DecisionFunction } | undefined
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
  protected async solve(
    X: Matrix,
    { twice, prepare, margin }: SingleProblem,
    o: SingleFitOptions,
  ): Promise<void> {
    this.checkAlive()
    checkNotEmpty(X)
    const timeSlice = new TimeSlice(o.signal)
    const { kernel, survey } = await kernelFor(this.parameters, X, timeSlice)
    const weights = sampleWeights(o.sampleWeight, X.rows)
    const rows = Int32Array.from(weights.keys()).filter((row) => weights[row] > 0)
    const attempt = (forced: boolean) =>
      this.#fit({ X, rows, weights, kernel, survey }, { twice, prepare, margin }, timeSlice, o, forced)
    let fitted = await attempt(false)
    // Precision lost in float32 may be recovered with kernel values computed in float64.
    if (fitted.isImprecise && !fitted.precise) fitted = await attempt(true)
    const { machine } = fitted
    if (fitted.isImprecise) {
      warnOfRounding(fitted.rounding, fitted.margin, o.onWarning)
      machine.fitStatus = worseStatus(machine.fitStatus, 'imprecise')
    }
    this.learn(machine)
  }

  async #fit(
    {
      X,
      rows,
      weights,
      kernel,
      survey,
    }: { X: Matrix; rows: Int32Array; weights: Float64Array; kernel: SvmKernel; survey: ColumnStats },
    { twice, prepare, margin }: SingleProblem,
    timeSlice: TimeSlice,
    o: SingleFitOptions,
    forced: boolean,
  ) {
    const { tol } = this.parameters
    const none = new Int32Array(0)
    const engine = await Engine.open(this.parameters.simd)
    try {
      // With every row present twice the b sum to 0, as they do with two classes.
      const groups = twice ? [rows] : [rows, none]
      const laidOut = await prepareKernel(engine, { X, groups, survey }, kernel, timeSlice, {
        ...{ centred: twice, precise: forced },
      })
      const { source, packer, unit, centre, precise } = laidOut
      for (const group of groups.keys()) await packer?.pack(group, timeSlice)
      const packed = source instanceof PackedRows ? source : undefined
      const offsets = packed?.layout.precise?.offsets
      const h = offsets ? engine.float64(offsets, rows.length).slice() : undefined
      const solutions = new ModelAssembler([rows, none], X.rows)
      let rounding: RoundingError = { error: 0, offset: 0 }
      let width = 0
      let p = new Float64Array(0)
      await solveDual(engine, source, twice ? [0, 0] : [0, 1], {
        tolerance: this.parameters.tol,
        maxIterations: this.parameters.maxIter,
        cacheBytes: cacheBytes(this.parameters.cacheSize),
        timeSlice,
        start: 'given',
        prepare(problem, run) {
          prepare(problem, run, rows, weights, unit)
          p = problem.gradient.slice()
          if (h && !twice) subtracted(problem, h)
        },
        collect(problem, run, _same, _number, { rho, iterations, status }) {
          const points = problem.beta
          const beta = points.slice(0, run.size)
          if (twice) for (let k = 0; k < beta.length; k++) beta[k] += points[run.size + k]
          const products = problem.gradient.slice(0, run.size).map((value, k) => value - p[k])
          const expected = packed ? expectedError(points, problem.diagonal, packed.kernel) : 0
          if (packed && (precise || expected > tol)) {
            rounding = roundingError(engine, packed, [run], beta, products)
          }
          width = margin ?? spread(products.subarray(0, rows.length))
          solutions.add({ line: 0, group: 0, beta: beta.slice(0, rows.length), unit })
          // The term subtracted from the kernel shifts K b by the same amount in every row; rho makes up for it.
          solutions.close(-(rho - (precise ? rounding.offset : 0)), iterations, status)
          o.onProgress?.({ done: 1, total: 1, gap: problem.gap, threads: 1 })
        },
        onSlice: (done, gap) => o.onProgress?.({ done, total: 1, gap, threads: 1 }),
      })
      const machine = await solutions.assemble(X, kernel, timeSlice)
      if (centre) await uncentre(machine, [[0, 1]], centre, timeSlice)
      return { machine, precise, rounding, margin: width, isImprecise: isImprecise(rounding, tol, width) }
    } finally {
      engine.close()
    }
  }

  /** @internal */
  protected learn(machine: FittedModel): void {
    this.checkAlive()
    this.#fitted?.decider.dispose()
    this.#fitted = { machine, decider: new DecisionFunction(machine, this.parameters.simd) }
  }

  /**
   * Returns f(x) of each row.
   *
   * @internal
   */
  protected decide(X: MatrixLike, o: LongCall): Promise<Float64Array> {
    return this.#checkFitted().decider.decide(X, o)
  }

  /** Row numbers in X of the support vectors. */
  get support(): Int32Array {
    return this.#checkFitted().machine.support
  }
  /** The support vectors, vectors x columns; zero columns for a precomputed kernel. */
  get supportVectors(): Matrix {
    return this.#checkFitted().machine.supportVectors
  }
  /** Dual coefficients of the support vectors, 1 x vectors. */
  get dualCoef(): Matrix {
    const { dualCoef } = this.#checkFitted().machine
    return new Matrix(Float32Array.from(dualCoef), 1, dualCoef.length)
  }
  /** The constant of the decision function. */
  get intercept(): number {
    return this.#checkFitted().machine.intercept[0]
  }
  /** Number of solver iterations. */
  get nIter(): number {
    return this.#checkFitted().machine.nIter[0]
  }
  /** Why the solver stopped. */
  get fitStatus(): FitStatus {
    return this.#checkFitted().machine.fitStatus
  }

  /**
   * Returns the fitted model as plain data. The arrays are not copied: do not change them.
   *
   * @throws {SoftmarginError} `NOT_FITTED`, `DISPOSED`
   */
  toState(): BaseSvmState<P> {
    return { ...this.#checkFitted().machine, options: this.getParams() }
  }

  protected checkAlive(): void {
    if (this.#disposed) {
      throw new SoftmarginError('DISPOSED', `this ${this.#name} was disposed of; create a new one`)
    }
  }

  #checkFitted(): { machine: FittedModel; decider: DecisionFunction } {
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
    this.#fitted?.decider.dispose()
    this.#fitted = undefined
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
