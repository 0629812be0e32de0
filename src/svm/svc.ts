import type { LongCall, Warned } from '../core/call-options.ts'
import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'
import { Matrix, type MatrixLike } from '../core/matrix.ts'
import { decisionThreads } from '../engine/decision/decision-threads.ts'
import type { KeptGram } from '../engine/kernel/kept-gram.ts'
import type { FitStatus } from '../engine/solver/solver.ts'
import { BaseClassifier, type FittedClassifier } from './base-classifier.ts'
import { writeLibsvm } from './formats/write-libsvm.ts'
import { DecisionFunction } from './model/decision-function.ts'
import type { FittedModel, ModelExtras } from './model/fitted-model.ts'
import { checkedModel, checkStateClasses } from './model/model-state.ts'
import type { SampleWeight } from './model/sample-weight.ts'
import { type SvcOptions, type SvcParameters, svcParameters } from './model/svc-params.ts'
import type { SvcState } from './model/svc-state.ts'
import type { FitProgress } from './training/one-vs-one.ts'

export type { FitProgress, SvcOptions, SvcParameters }

/** Reads LIBSVM's text; see `public-svc.ts`. */
let readLibsvm: ((text: string, columns?: number) => SvcState<number>) | undefined

/** Gives `SVC` what reads LIBSVM's text, and returns the class. */
export function withLibsvm(read: NonNullable<typeof readLibsvm>): typeof SVC {
  readLibsvm = read
  return SVC
}

/** Options of `SVC.fit`. */
export interface SvcFitOptions extends LongCall<FitProgress>, Warned {
  /** A factor of C for each row, 0 or more. Rows with weight 0 are left out. Default: 1 for all rows. */
  sampleWeight?: SampleWeight | undefined
  /**
   * Starts the solver from the dual coefficients of an earlier fit: of this SVC (`true`) or of another one, for
   * example with a different C. The solution is the same, within `tol`, and is usually reached sooner. The rows
   * of the earlier fit must be the first rows of X, in the same order and with the same labels; further rows
   * may follow. If any support vector differs from the row of X with its number, or has another label, the
   * earlier coefficients are ignored and the fit starts from zero. Default: false.
   */
  warmStart?: boolean | SVC | undefined
}

/**
 * C-support vector classification: one-vs-one, with a linear, poly, rbf, sigmoid or precomputed kernel.
 *
 * The optimization problem and its solution are LIBSVM's (C.-C. Chang, C.-J. Lin, "LIBSVM: a library for
 * support vector machines", ACM TIST 2, 2011); names and defaults are scikit-learn's. Kernel values are
 * float32, gradients float64.
 *
 * @typeParam L the type of the labels. `new SVC<'cat' | 'dog'>()` accepts no others, and `fit` returns an SVC
 *   typed by the labels it was given.
 */
export class SVC<L extends Label = Label> extends BaseClassifier<L> {
  readonly #parameters: SvcParameters
  #fitted: FittedClassifier<L> | undefined
  #disposed = false

  /** @throws {SoftmarginError} `INVALID_ARGUMENT` */
  constructor(options: SvcOptions = {}) {
    super()
    this.#parameters = svcParameters(options)
  }

  /** Returns all options with their values. */
  getParams(): SvcParameters {
    return { ...this.#parameters }
  }

  /**
   * Returns an unfitted SVC with the same options, except for those in `overrides`. An override of `undefined`
   * resets that option to its default.
   */
  clone(overrides: SvcOptions = {}): SVC<L> {
    return new SVC<L>({ ...this.#parameters, ...overrides })
  }

  /**
   * Fits the classifier. If it throws, the result of an earlier fit is kept.
   *
   * @param X rows x columns, finite; for a precomputed kernel the kernel values, rows x rows
   * @param y one label per row, of two classes or more
   * @param o.onWarning called when `fitStatus` is `'imprecise'`
   * @param o.onProgress receives the number of class pairs solved, their total, and the gap of the current pair
   * @returns this SVC, typed by the labels in `y`
   * @throws {SoftmarginError} `SHAPE_MISMATCH`, `EMPTY_INPUT`, `NOT_FINITE`, `ONE_CLASS`, `INVALID_ARGUMENT`,
   *   `ABORTED`, `OUT_OF_MEMORY`, `DISPOSED`
   */
  async fit<Y extends ArrayLike<L>>(X: MatrixLike, y: Y, o: SvcFitOptions = {}): Promise<SVC<Y[number]>> {
    return this.fitOnGram(X, y, { ...o, gram: undefined })
  }

  /**
   * Like `fit`, with the same bits, and sooner if a search has left the dot products of all rows.
   *
   * @param o.gram products of the rows of X, class by class; used where it serves, and left to the caller to close
   * @internal
   */
  async fitOnGram<Y extends ArrayLike<L>>(
    X: MatrixLike,
    y: Y,
    o: SvcFitOptions & { gram: KeptGram | undefined },
  ): Promise<SVC<Y[number]>> {
    this.#checkAlive()
    const matrix = Matrix.from(X)
    // Loaded on demand, because programs that only predict do not need it.
    const { fitSvc } = await import('./training/fit-svc.ts')
    const { model, classes } = await fitSvc(matrix, y, this.#parameters, {
      ...o,
      earlier: this.#earlier(o.warmStart),
    })
    this.#learn(model, classes)
    // The type is now that of the labels in y.
    return this as unknown as SVC<Y[number]>
  }

  #earlier(warmStart: SvcFitOptions['warmStart']): FittedClassifier<Label> | undefined {
    if (warmStart === undefined || warmStart === false) return undefined
    if (warmStart === true) return this.#fitted
    if (warmStart instanceof SVC) return warmStart.fitted()
    throw invalidArgument('warmStart', warmStart, 'true, false or a fitted SVC')
  }

  #learn(model: FittedModel & ModelExtras, classes: L[]): void {
    this.#checkAlive()
    this.#fitted?.decisions.dispose()
    const decisions = new DecisionFunction(model, { ...this.#parameters, onThreads: decisionThreads })
    this.#fitted = { model, classes, decisions }
  }

  /**
   * Returns the accuracy of `predict` on X: the share of rows whose label is predicted correctly, from 0 to 1.
   *
   * @throws {SoftmarginError} as `predict`, and `SHAPE_MISMATCH` if `y` does not have one label per row
   */
  async score(X: MatrixLike, y: ArrayLike<Label>, o: LongCall = {}): Promise<number> {
    const predicted = await this.predict(X, o)
    const { accuracyScore } = await import('../metrics/metrics.ts')
    return accuracyScore(y, predicted)
  }

  /** The classes, sorted: numbers by value, strings by code unit. */
  get classes(): L[] {
    return this.fitted().classes
  }
  /** Row numbers in X of the support vectors, grouped by class. */
  get support(): Int32Array {
    return this.fitted().model.support
  }
  /** The support vectors, vectors x columns; zero columns for a precomputed kernel. */
  get supportVectors(): Matrix {
    return this.fitted().model.supportVectors
  }
  /** Number of support vectors of each class. */
  get nSupport(): Int32Array {
    return this.fitted().model.nSupport
  }
  /**
   * Dual coefficients of the support vectors, (classes - 1) x vectors, in LIBSVM's layout. With two classes the
   * signs are such that `classes[1]` is positive, as in scikit-learn.
   */
  get dualCoef(): Matrix {
    const { classes, model } = this.fitted()
    const sign = classes.length === 2 ? -1 : 1
    const data = Float32Array.from(model.dualCoef, (value) => sign * value)
    return new Matrix(data, classes.length - 1, model.support.length)
  }
  /** Constants of the decision functions, one per pair of classes, with the signs of `dualCoef`. */
  get intercept(): Float64Array {
    const { classes, model } = this.fitted()
    return classes.length === 2 ? model.intercept.map((value) => -value) : model.intercept
  }
  /** Number of solver iterations for each pair of classes. */
  get nIter(): Int32Array {
    return this.fitted().model.nIter
  }
  /** Why the solver stopped: the worst status of all pairs. */
  get fitStatus(): FitStatus {
    return this.fitted().model.fitStatus
  }

  /**
   * Returns the fitted model as plain data. The arrays are not copied: do not change them.
   *
   * @throws {SoftmarginError} `NOT_FITTED`, `DISPOSED`
   */
  toState(): SvcState<L> {
    const { model, classes } = this.fitted()
    return { ...model, classes, options: this.getParams() }
  }

  /**
   * Restores an SVC from `toState`. Its predictions are the same, bit for bit.
   *
   * @param state the result of `toState`, or a copy of it made by `structuredClone` or JSON
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for invalid options, and for parts of the state that are
   *   missing or of the wrong type; `SHAPE_MISMATCH` for parts whose lengths do not agree
   */
  static fromState<L extends Label>(state: SvcState<L>): SVC<L> {
    const { options, classes, ...model } = checkedModel(state)
    checkStateClasses(classes, model)
    const svc = new SVC<L>(options)
    svc.#learn(model, classes)
    return svc
  }

  /**
   * Returns the model in LIBSVM's text format, for `svm-predict` and other programs that read it.
   *
   * @throws {SoftmarginError} `NOT_FITTED`, `DISPOSED`; `MODEL_UNSUPPORTED` for labels that are not 32-bit
   *   integers, for a precomputed kernel, and for a model with scaling or normalizing steps before the SVM
   */
  toLibsvm(): string {
    return writeLibsvm(this.toState())
  }

  /**
   * Reads a LIBSVM model (C-SVC or nu-SVC, the output of `svm-train`). Its support vectors are rounded to
   * float32. The file holds neither row numbers nor C: `support` is -1 throughout, and C has its default.
   *
   * @param o.columns number of columns of the rows to predict; default: the greatest index in the text
   * @throws {SoftmarginError} `MODEL_UNREADABLE`, `MODEL_UNSUPPORTED`, `OUT_OF_MEMORY`, `INVALID_ARGUMENT`
   */
  static fromLibsvm(text: string, o: { columns?: number | undefined } = {}): SVC<number> {
    return SVC.fromState(readLibsvm!(text, o.columns))
  }

  /**
   * Returns the model as an ONNX file (`ai.onnx.ml.SVMClassifier`) that any ONNX Runtime can run. The
   * operator's numbers are float32. The file's `metadata_props` also hold the exact numbers and the options, so
   * that `fromOnnx` restores the SVC bit for bit, except for the options `threads` and `cacheSize`, which are
   * not saved.
   *
   * Input: `X`, float32 [N, columns]. Outputs: `label` [N], int64 if all labels are integers, otherwise string;
   * and `scores`, float32. With two classes `scores` is [N, 2], and the greater one belongs to the label; with
   * more it is [N, pairs], positive for the first class of the pair. A model with probabilities has the output
   * `probabilities` [N, classes] instead of `scores`.
   *
   * @param o.onWarning called if a runtime that computes kernel values in plain float32 would label some of the
   *   support vectors differently. Default: a warning on the console.
   * @throws {SoftmarginError} `NOT_FITTED`, `DISPOSED`; `MODEL_UNSUPPORTED` for a precomputed kernel and for
   *   numbers beyond float32
   */
  async toOnnx(o: Warned = {}): Promise<Uint8Array<ArrayBuffer>> {
    const state = this.toState()
    const { writeSvcOnnx } = await import('./formats/svc-onnx.ts')
    const bytes = writeSvcOnnx(state)
    const { warnOfPlainFloat32 } = await import('./plain-float32.ts')
    await warnOfPlainFloat32(state, o.onWarning)
    return bytes
  }

  /**
   * Reads an SVC from an ONNX file: one written by `toOnnx`, or one that skl2onnx made from scikit-learn's SVC,
   * alone or in a pipeline after StandardScaler, MinMaxScaler, RobustScaler or Normalizer. `predict` then
   * applies these steps too.
   *
   * @typeParam L the labels that the file is known to hold; they are not checked
   * @param bytes the whole .onnx file
   * @throws {SoftmarginError} `MODEL_UNREADABLE`, `MODEL_UNSUPPORTED`, `INVALID_ARGUMENT`
   */
  static async fromOnnx<L extends Label = Label>(bytes: Uint8Array | ArrayBuffer): Promise<SVC<L>> {
    const { readSvcOnnx } = await import('./formats/svc-onnx.ts')
    return SVC.fromState(readSvcOnnx(bytes) as SvcState<L>)
  }

  #checkAlive(): void {
    if (this.#disposed) throw new SoftmarginError('DISPOSED', 'this SVC was disposed of; create a new one')
  }

  /** @internal */
  protected fitted(): FittedClassifier<L> {
    this.#checkAlive()
    if (!this.#fitted) {
      throw new SoftmarginError('NOT_FITTED', 'this SVC is not fitted; call fit(X, y) first')
    }
    return this.#fitted
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
