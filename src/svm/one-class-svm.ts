import type { LongCall } from '../core/call-options.ts'
import { invalidArgument } from '../core/errors.ts'
import { checkNotEmpty, Matrix, type MatrixLike } from '../core/matrix.ts'
import { BaseSVM, type BaseSvmState, type SingleFitOptions } from './base-svm.ts'
import { checkedModel } from './model/model-state.ts'
import { sampleWeights } from './model/sample-weight.ts'
import {
  type FilledIn,
  SVM_DEFAULTS,
  type SvmOptions,
  type SvmParameters,
  svmParameters,
} from './model/svm-params.ts'

/** Options of a `OneClassSVM`, with scikit-learn's names and defaults. */
export interface OneClassSvmOptions extends SvmOptions {
  /**
   * Upper bound on the share of training rows outside the boundary, and lower bound on the share of support
   * vectors: above 0, at most 1. Default 0.5.
   */
  nu?: number | undefined
}

/** All options with their values. */
export type OneClassSvmParameters = SvmParameters & FilledIn<Pick<OneClassSvmOptions, 'nu'>>

const DEFAULTS: OneClassSvmParameters = { ...SVM_DEFAULTS, nu: 0.5 }

/**
 * One-class SVM for novelty detection: estimates the support of the training data, and detects rows that lie
 * outside.
 *
 * B. Schoelkopf and others, "Estimating the support of a high-dimensional distribution", Neural Computation 13
 * (2001). The optimization problem and its solution are LIBSVM's; names and defaults are scikit-learn's.
 */
export class OneClassSVM extends BaseSVM<OneClassSvmParameters> {
  /** @throws {SoftmarginError} `INVALID_ARGUMENT` */
  constructor(options: OneClassSvmOptions = {}) {
    const p = svmParameters<OneClassSvmParameters>(options, DEFAULTS)
    if (!(typeof p.nu === 'number' && p.nu > 0 && p.nu <= 1)) {
      throw invalidArgument('nu', p.nu, 'a number above 0, at most 1')
    }
    super('OneClassSVM', p)
  }

  /**
   * Returns an unfitted OneClassSVM with the same options, except for those in `overrides`. An override of
   * `undefined` resets that option to its default.
   */
  clone(overrides: OneClassSvmOptions = {}): OneClassSVM {
    return new OneClassSVM({ ...this.parameters, ...overrides })
  }

  /**
   * Fits the boundary around the rows. If it throws, the result of an earlier fit is kept.
   *
   * @param X rows x columns, finite; for a precomputed kernel the kernel values, rows x rows
   * @throws {SoftmarginError} `SHAPE_MISMATCH`, `EMPTY_INPUT`, `NOT_FINITE`, `INVALID_ARGUMENT`, `ABORTED`,
   *   `OUT_OF_MEMORY`, `DISPOSED`
   */
  async fit(X: MatrixLike, o: SingleFitOptions = {}): Promise<this> {
    this.checkAlive()
    const matrix = Matrix.from(X)
    checkNotEmpty(matrix)
    const weights = sampleWeights(o.sampleWeight, matrix.rows)
    // The solver keeps the sum of b constant. As in LIBSVM, it starts with all of it on the first rows.
    let left = 0
    for (const weight of weights) left += this.parameters.nu * weight
    const beta = weights.map((weight) => {
      const own = Math.min(weight, left)
      left -= own
      return own
    })
    await this.solve(matrix, { weights, variables: { upper: weights, beta } }, o)
    return this
  }

  /**
   * Returns 1 for each row inside the boundary (an inlier) and -1 for each row outside (an outlier).
   *
   * @throws {SoftmarginError} `NOT_FITTED`, `SHAPE_MISMATCH`, `EMPTY_INPUT`, `NOT_FINITE`, `ABORTED`,
   *   `DISPOSED`
   */
  async predict(X: MatrixLike, o: LongCall = {}): Promise<(1 | -1)[]> {
    return Array.from(await this.decide(X, o), (value) => (value > 0 ? 1 : -1))
  }

  /**
   * Returns the decision values, rows x 1: positive inside the boundary, negative outside.
   *
   * @throws {SoftmarginError} as `predict`
   */
  async decisionFunction(X: MatrixLike, o: LongCall = {}): Promise<Matrix> {
    const values = await this.decide(X, o)
    return new Matrix(Float32Array.from(values), values.length, 1)
  }

  /**
   * Returns the decision values plus `offset`, rows x 1.
   *
   * @throws {SoftmarginError} as `predict`
   */
  async scoreSamples(X: MatrixLike, o: LongCall = {}): Promise<Matrix> {
    const values = await this.decide(X, o)
    const { offset } = this
    return new Matrix(
      Float32Array.from(values, (value) => value + offset),
      values.length,
      1,
    )
  }

  /** The score at the boundary, -intercept: `decisionFunction` is `scoreSamples` minus `offset`. */
  get offset(): number {
    return -this.intercept
  }

  /**
   * Restores a OneClassSVM from `toState`. Its predictions are the same, bit for bit.
   *
   * @param state the result of `toState`, or a copy of it made by `structuredClone` or JSON
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for invalid options, and for parts of the state that are
   *   missing or of the wrong type; `SHAPE_MISMATCH` for parts whose lengths do not agree
   */
  static fromState(state: BaseSvmState<OneClassSvmParameters>): OneClassSVM {
    const { options, ...model } = checkedModel(state)
    const svm = new OneClassSVM(options)
    svm.setModel(model)
    return svm
  }
}
