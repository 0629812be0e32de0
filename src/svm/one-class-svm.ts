import type { LongCall } from '../core/call-options.ts'
import { invalidArgument } from '../core/errors.ts'
import { Matrix, type MatrixLike } from '../core/matrix.ts'
import { BaseSVM, type BaseSvmState, type SingleFitOptions } from './base-svm.ts'
import { checkedModel } from './model/model-state.ts'
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
   * About the share of the rows that will lie outside, and at least the share that will be support vectors: above
   * 0, at most 1. Default 0.5.
   */
  nu?: number | undefined
}

/** All options with their values. */
export type OneClassSvmParameters = SvmParameters & FilledIn<Pick<OneClassSvmOptions, 'nu'>>

const DEFAULTS: OneClassSvmParameters = { ...SVM_DEFAULTS, nu: 0.5 }

/**
 * Learns where rows are usual, from usual rows alone: to find those that are not.
 *
 * B. Schoelkopf and others, "Estimating the support of a high-dimensional distribution", Neural Computation 13
 * (2001); the problem and its solution are LIBSVM's, names and defaults scikit-learn's.
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

  /** An unfitted machine with the same options, but for those given; `undefined` gives an option its default. */
  clone(overrides: OneClassSvmOptions = {}): OneClassSVM {
    return new OneClassSVM({ ...this.parameters, ...overrides })
  }

  /**
   * Learns where the rows are. If it throws, what was learnt before is still there.
   *
   * @param X rows x columns, finite; for a precomputed kernel the kernel values, rows x rows
   * @throws {SoftmarginError} `SHAPE_MISMATCH`, `EMPTY_INPUT`, `NOT_FINITE`, `INVALID_ARGUMENT`, `ABORTED`,
   *   `OUT_OF_MEMORY`, `DISPOSED`
   */
  async fit(X: MatrixLike, o: SingleFitOptions = {}): Promise<this> {
    const { nu } = this.parameters
    await this.solve(
      Matrix.from(X),
      {
        twice: false,
        prepare({ upper, beta }, _run, rows, weights, unit) {
          let left = 0
          for (const row of rows) left += (nu * weights[row]) / unit
          // The sum of b stays as it is: as in LIBSVM the first rows get it.
          for (const [k, row] of rows.entries()) {
            upper[k] = weights[row] / unit
            beta[k] = Math.min(upper[k], left)
            left -= beta[k]
          }
        },
      },
      o,
    )
    return this
  }

  /**
   * 1 for rows like those that were learnt, -1 for others.
   *
   * @throws {SoftmarginError} `NOT_FITTED`, `SHAPE_MISMATCH`, `EMPTY_INPUT`, `NOT_FINITE`, `ABORTED`, `DISPOSED`
   */
  async predict(X: MatrixLike, o: LongCall = {}): Promise<(1 | -1)[]> {
    return Array.from(await this.decide(X, o), (value) => (value > 0 ? 1 : -1))
  }

  /** How far inside each row is, below 0 for outside: rows x 1. @throws {SoftmarginError} as `predict` */
  async decisionFunction(X: MatrixLike, o: LongCall = {}): Promise<Matrix> {
    const values = await this.decide(X, o)
    return new Matrix(Float32Array.from(values), values.length, 1)
  }

  /** The decision function plus `offset`: rows x 1. @throws {SoftmarginError} as `predict` */
  async scoreSamples(X: MatrixLike, o: LongCall = {}): Promise<Matrix> {
    const values = await this.decide(X, o)
    const { offset } = this
    return new Matrix(
      Float32Array.from(values, (value) => value + offset),
      values.length,
      1,
    )
  }

  /** What separates usual scores from others: -intercept. */
  get offset(): number {
    return -this.intercept
  }

  /**
   * The machine that `toState` told of. It predicts the same, bit for bit.
   *
   * @param state as `toState` answered it, or a copy of that by `structuredClone` or JSON
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for options, and for parts of the state that are missing or of another
   *   type; `SHAPE_MISMATCH` for parts whose lengths do not agree
   */
  static fromState(state: BaseSvmState<OneClassSvmParameters>): OneClassSVM {
    const { options, ...machine } = checkedModel(state)
    const svm = new OneClassSVM(options)
    svm.learn(machine)
    return svm
  }
}
