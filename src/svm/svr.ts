import type { LongCall } from '../core/call-options.ts'
import { invalidArgument, SoftmarginError, shapeMismatch } from '../core/errors.ts'
import { checkNotEmpty, Matrix, type MatrixLike } from '../core/matrix.ts'
import { BaseSVM, type BaseSvmState, type SingleFitOptions } from './base-svm.ts'
import { checkedModel } from './model/model-state.ts'
import { sampleWeights } from './model/sample-weight.ts'
import {
  checkPositive,
  type FilledIn,
  SVM_DEFAULTS,
  type SvmOptions,
  type SvmParameters,
  svmParameters,
} from './model/svm-params.ts'

/** Options of an `SVR`, with scikit-learn's names and defaults. */
export interface SvrOptions extends SvmOptions {
  /** Penalty for rows outside the epsilon tube, above 0. Default 1. */
  C?: number | undefined
  /**
   * Half the width of the tube around the function within which errors cost nothing, 0 or more. Default 0.1.
   */
  epsilon?: number | undefined
}

/** All options with their values. */
export type SvrParameters = SvmParameters & FilledIn<Pick<SvrOptions, 'C' | 'epsilon'>>

const DEFAULTS: SvrParameters = { ...SVM_DEFAULTS, C: 1, epsilon: 0.1 }

/**
 * Epsilon-support vector regression: errors smaller than epsilon cost nothing.
 *
 * The optimization problem and its solution are LIBSVM's; names and defaults are scikit-learn's.
 */
export class SVR extends BaseSVM<SvrParameters> {
  /** @throws {SoftmarginError} `INVALID_ARGUMENT` */
  constructor(options: SvrOptions = {}) {
    const p = svmParameters<SvrParameters>(options, DEFAULTS)
    checkPositive('C', p.C)
    if (!(typeof p.epsilon === 'number' && p.epsilon >= 0 && p.epsilon < Number.POSITIVE_INFINITY)) {
      throw invalidArgument('epsilon', p.epsilon, 'a number of 0 or more')
    }
    super('SVR', p)
  }

  /**
   * Returns an unfitted SVR with the same options, except for those in `overrides`. An override of `undefined` resets
   * that option to its default.
   */
  clone(overrides: SvrOptions = {}): SVR {
    return new SVR({ ...this.parameters, ...overrides })
  }

  /**
   * Fits the regression function. If it throws, the result of an earlier fit is kept.
   *
   * @param X rows x columns, finite; for a precomputed kernel the kernel values, rows x rows
   * @param y one finite number per row
   * @throws {SoftmarginError} `SHAPE_MISMATCH`, `EMPTY_INPUT`, `NOT_FINITE`, `INVALID_ARGUMENT`, `ABORTED`,
   *   `OUT_OF_MEMORY`, `DISPOSED`
   */
  async fit(X: MatrixLike, y: ArrayLike<number>, o: SingleFitOptions = {}): Promise<this> {
    const matrix = Matrix.from(X)
    const targets = checkTargets(y, matrix.rows)
    this.checkAlive()
    checkNotEmpty(matrix)
    const { C, epsilon } = this.parameters
    const weights = sampleWeights(o.sampleWeight, matrix.rows)
    await this.solve(
      matrix,
      {
        weights,
        margin: rangeOf(targets),
        variables: { p: targets.map((y) => epsilon - y), upper: weights.map((weight) => C * weight) },
        second: { p: targets.map((y) => -epsilon - y), lower: weights.map((weight) => -C * weight) },
      },
      o,
    )
    return this
  }

  /**
   * Predicts the value of each row.
   *
   * @throws {SoftmarginError} `NOT_FITTED`, `SHAPE_MISMATCH`, `EMPTY_INPUT`, `NOT_FINITE`, `ABORTED`, `DISPOSED`
   */
  async predict(X: MatrixLike, o: LongCall = {}): Promise<number[]> {
    return Array.from(await this.decide(X, o))
  }

  /**
   * Returns R^2 of the predictions for X: 1 is perfect, 0 is no better than predicting the mean of y.
   *
   * @throws {SoftmarginError} as `predict`; `SHAPE_MISMATCH`, `NOT_FINITE`, `INVALID_ARGUMENT` for y
   */
  async score(X: MatrixLike, y: ArrayLike<number>, o: LongCall = {}): Promise<number> {
    const predicted = await this.predict(X, o)
    return r2Score(checkTargets(y, predicted.length), predicted)
  }

  /**
   * Restores an SVR from `toState`. Its predictions are the same, bit for bit.
   *
   * @param state the result of `toState`, or a copy of it made by `structuredClone` or JSON
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for invalid options, and for parts of the state that are missing or
   *   of the wrong type; `SHAPE_MISMATCH` for parts whose lengths do not agree
   */
  static fromState(state: BaseSvmState<SvrParameters>): SVR {
    const { options, ...model } = checkedModel(state)
    const svr = new SVR(options)
    svr.setModel(model)
    return svr
  }
}

function rangeOf(targets: Float64Array): number {
  return (
    targets.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY) -
    targets.reduce((a, b) => Math.min(a, b))
  )
}

/** As scikit-learn's `r2_score`: for a constant y, 1 if the predictions are exact and 0 otherwise. */
function r2Score(y: Float64Array, predicted: number[]): number {
  const mean = y.reduce((sum, value) => sum + value, 0) / y.length
  let residual = 0
  let total = 0
  for (let i = 0; i < y.length; i++) {
    residual += (y[i] - predicted[i]) * (y[i] - predicted[i])
    total += (y[i] - mean) * (y[i] - mean)
  }
  if (total === 0) return residual === 0 ? 1 : 0
  return 1 - residual / total
}

function checkTargets(y: ArrayLike<number>, rows: number): Float64Array {
  if (y === null || typeof y !== 'object' || typeof y.length !== 'number') {
    throw invalidArgument('y', y, 'an array of numbers')
  }
  if (y.length !== rows) throw shapeMismatch('y', y.length, `${rows} numbers, one for each row of X`)
  return Float64Array.from({ length: rows }, (_, row) => {
    const value = y[row]
    if (typeof value !== 'number') throw invalidArgument(`y[${row}]`, value, 'a number')
    if (!Number.isFinite(value)) {
      throw new SoftmarginError('NOT_FINITE', `y must hold finite numbers, but y[${row}] is ${value}`, {
        argument: `y[${row}]`,
        received: value,
        expected: 'a finite number',
      })
    }
    return value
  })
}
