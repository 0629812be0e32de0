import type { LongCall, Warned } from '../core/call-options.ts'
import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import { dealFolds } from '../core/folds.ts'
import { checkClasses, checkLabels, countCodes, encodeLabels, type Label } from '../core/labels.ts'
import { checkNotEmpty, Matrix, type MatrixLike } from '../core/matrix.ts'
import type { FitStatus } from '../engine/solver/solver.ts'
import { TimeSlice } from '../engine/wasm/time-slice.ts'
import { accuracyScore } from '../metrics/metrics.ts'
import { readLibsvm, writeLibsvm } from './formats/libsvm-model.ts'
import type { FittedModel, ModelExtras } from './model/fitted-model.ts'
import { checkedModel, checkStateClasses } from './model/model-state.ts'
import { type SampleWeight, sampleWeights, weightedGroups } from './model/sample-weight.ts'
import { classWeights, type SvcOptions, type SvcParameters, svcParameters } from './model/svc-params.ts'
import type { SvcState } from './model/svc-state.ts'
import { kernelFor } from './model/svm-params.ts'
import { SvcPredictor } from './svc-predictor.ts'
import { seedDualsFrom } from './training/alpha-seeding.ts'
import { type FitProgress, fitOneVsOne } from './training/one-vs-one.ts'
import { FOLDS } from './training/pair-solver.ts'

export type { FitProgress, SvcOptions, SvcParameters }

/** What `SVC.fit` takes besides rows and labels. */
export interface SvcFitOptions extends LongCall<FitProgress>, Warned {
  /** A factor of C for each row, 0 or more; rows with 0 are left out. Default: 1 for all. */
  sampleWeight?: SampleWeight | undefined
  /**
   * Start from the duals of an earlier fit: of this machine (`true`), or of another one, with another C for
   * example. The answer is the same, within `tol`, and sooner there. It works if the rows of that fit are the first
   * rows of X, in their order and with their labels; more may follow. If any support vector is not the row of X
   * with its number, or has another label, the duals are dropped and the fit starts from nothing.
   */
  warmStart?: boolean | SVC | undefined
}

/** What a machine has learnt. */
interface Fitted<L extends Label> {
  machine: FittedModel & ModelExtras
  classes: L[]
  predictor: SvcPredictor<L>
}

/**
 * C-support vector classification: one-vs-one machines with a linear, poly, rbf, sigmoid or precomputed kernel.
 *
 * The problem and its solution are LIBSVM's (C.-C. Chang, C.-J. Lin, "LIBSVM: a library for support vector
 * machines", ACM TIST 2, 2011), names and defaults scikit-learn's. Kernel values are float32, gradients float64.
 *
 * @typeParam L the labels that it may learn and predict. `new SVC<'cat' | 'dog'>()` takes no others, and `fit` answers
 *   an SVC of the labels that it was given.
 */
export class SVC<L extends Label = Label> {
  readonly #parameters: SvcParameters
  #fitted: Fitted<L> | undefined
  #disposed = false

  /** @throws {SoftmarginError} `INVALID_ARGUMENT` */
  constructor(options: SvcOptions = {}) {
    this.#parameters = svcParameters(options)
  }

  /** All options with their values. */
  getParams(): SvcParameters {
    return { ...this.#parameters }
  }

  /** An unfitted machine with the same options, but for those given; `undefined` gives an option its default. */
  clone(overrides: SvcOptions = {}): SVC<L> {
    return new SVC<L>({ ...this.#parameters, ...overrides })
  }

  /**
   * Learns to tell the labels apart. If it throws, what was learnt before is still there.
   *
   * @param X rows x columns, finite; for a precomputed kernel the kernel values, rows x rows
   * @param y a label for each row, of two classes or more
   * @param o.onWarning told when `fitStatus` is `'imprecise'`
   * @param o.onProgress told pairs of classes done and in all, and the gap of the pair at hand
   * @returns this machine, typed by the labels in `y`
   * @throws {SoftmarginError} `SHAPE_MISMATCH`, `EMPTY_INPUT`, `NOT_FINITE`, `ONE_CLASS`, `INVALID_ARGUMENT`,
   *   `ABORTED`, `OUT_OF_MEMORY`, `DISPOSED`
   */
  async fit<Y extends ArrayLike<L>>(X: MatrixLike, y: Y, o: SvcFitOptions = {}): Promise<SVC<Y[number]>> {
    this.#checkAlive()
    const matrix = Matrix.from(X)
    checkLabels(y, matrix.rows)
    checkNotEmpty(matrix)
    const timeSlice = new TimeSlice(o.signal)
    const { kernel, survey } = await kernelFor(this.#parameters, matrix, timeSlice)
    const labels = encodeLabels(y)
    const { classes, codes } = labels
    checkClasses(classes)
    const rowWeights = sampleWeights(o.sampleWeight, matrix.rows)
    const groups = weightedGroups(labels, rowWeights)
    const { C, classWeight, probability, randomState } = this.#parameters
    const weights = classWeights(classWeight, classes, [...countCodes(labels)])
    const bounds = new Float64Array(matrix.rows)
    for (let row = 0; row < bounds.length; row++) bounds[row] = C * weights[codes[row]] * rowWeights[row]
    const folds = probability ? dealFolds(groups, matrix.rows, FOLDS, randomState) : undefined
    const earlier = this.#earlier(o.warmStart)
    const machine = await fitOneVsOne(
      {
        ...{ X: matrix, groups, survey, bounds, folds },
        earlier: earlier && seedDualsFrom(earlier.machine, earlier.classes, matrix, y, classes),
      },
      kernel,
      { ...this.#parameters, signal: o.signal, onProgress: o.onProgress, onWarning: o.onWarning },
    )
    this.#learn(machine, classes)
    // The classes that it has now are those of y.
    return this as unknown as SVC<Y[number]>
  }

  #earlier(warmStart: SvcFitOptions['warmStart']): Fitted<Label> | undefined {
    if (warmStart === undefined || warmStart === false) return undefined
    if (warmStart === true) return this.#fitted
    if (warmStart instanceof SVC) return warmStart.#checkFitted()
    throw invalidArgument('warmStart', warmStart, 'true, false or a fitted SVC')
  }

  #learn(machine: FittedModel & ModelExtras, classes: L[]): void {
    this.#checkAlive()
    const predictor = SvcPredictor.fromState({ ...machine, classes, options: this.#parameters })
    this.#fitted = { machine, classes, predictor }
  }

  /**
   * The label of each row: every pair of classes votes, and the first class in order wins a tie.
   *
   * @throws {SoftmarginError} `NOT_FITTED`, `SHAPE_MISMATCH`, `EMPTY_INPUT`, `NOT_FINITE`, `ABORTED`, `DISPOSED`
   */
  async predict(X: MatrixLike, o: LongCall = {}): Promise<L[]> {
    return this.#checkFitted().predictor.predict(X, o)
  }

  /**
   * The probability of each class, rows x classes, in the order of `classes`: Platt's sigmoids of the pairs,
   * coupled. The machine must have been made with `probability: true`, or come from a file that has them.
   *
   * The sigmoids are learnt from decisions on held-out folds, and `predict` counts votes: the class with the
   * largest probability is mostly, but not always, the one that `predict` answers.
   *
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for a machine without probabilities, and as `predict`
   */
  async predictProba(X: MatrixLike, o: LongCall = {}): Promise<Matrix> {
    return this.#checkFitted().predictor.predictProba(X, o)
  }

  /**
   * How far each row is on which side.
   *
   * Two classes: one column, above 0 for `classes[1]`. More, `shape: 'ovr'` (default): a column for each class,
   * its votes and, as a fraction, its confidences, as scikit-learn makes them. `'ovo'`: a column for each pair
   * (0, 1), (0, 2), ..., (1, 2), ..., above 0 for the first class of the pair.
   *
   * @throws {SoftmarginError} as `predict`
   */
  async decisionFunction(
    X: MatrixLike,
    o: LongCall & { shape?: 'ovr' | 'ovo' | undefined } = {},
  ): Promise<Matrix> {
    return this.#checkFitted().predictor.decisionFunction(X, o)
  }

  /** The share of rows whose label is predicted. */
  async score(X: MatrixLike, y: ArrayLike<Label>, o: LongCall = {}): Promise<number> {
    return accuracyScore(y, await this.predict(X, o))
  }

  /** The classes, sorted: numbers by value, strings by code unit. */
  get classes(): L[] {
    return this.#checkFitted().classes
  }
  /** Row numbers in X of the support vectors, class by class. */
  get support(): Int32Array {
    return this.#checkFitted().machine.support
  }
  /** The support vectors, vectors x columns; without columns for a precomputed kernel. */
  get supportVectors(): Matrix {
    return this.#checkFitted().machine.supportVectors
  }
  /** Support vectors of each class. */
  get nSupport(): Int32Array {
    return this.#checkFitted().machine.nSupport
  }
  /**
   * Coefficients of the support vectors, (classes - 1) x vectors, in LIBSVM's layout; with two classes their
   * signs are such that `classes[1]` is positive, as in scikit-learn.
   */
  get dualCoef(): Matrix {
    const { classes, machine } = this.#checkFitted()
    const sign = classes.length === 2 ? -1 : 1
    const data = Float32Array.from(machine.dualCoef, (value) => sign * value)
    return new Matrix(data, classes.length - 1, machine.support.length)
  }
  /** Constants of the decision functions, one a pair of classes, with the signs of `dualCoef`. */
  get intercept(): Float64Array {
    const { classes, machine } = this.#checkFitted()
    return classes.length === 2 ? machine.intercept.map((value) => -value) : machine.intercept
  }
  /** Iterations of the solver, one a pair of classes. */
  get nIter(): Int32Array {
    return this.#checkFitted().machine.nIter
  }
  /** Why the fit ended: of the pairs, the worst. */
  get fitStatus(): FitStatus {
    return this.#checkFitted().machine.fitStatus
  }

  /**
   * What was learnt, as plain data. The arrays are the machine's own: do not change them.
   *
   * @throws {SoftmarginError} `NOT_FITTED`, `DISPOSED`
   */
  toState(): SvcState<L> {
    const { machine, classes } = this.#checkFitted()
    return { ...machine, classes, options: this.getParams() }
  }

  /**
   * The machine that `toState` told of. It predicts the same, bit for bit.
   *
   * @param state as `toState` answered it, or a copy of that by `structuredClone` or JSON
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for options, and for parts of the state that are missing or of another
   *   type; `SHAPE_MISMATCH` for parts whose lengths do not agree
   */
  static fromState<L extends Label>(state: SvcState<L>): SVC<L> {
    const { options, classes, ...machine } = checkedModel(state)
    checkStateClasses(classes, machine)
    const svc = new SVC<L>(options)
    svc.#learn(machine, classes)
    return svc
  }

  /**
   * The machine as the text of a LIBSVM model, for `svm-predict` and all who read that format.
   *
   * @throws {SoftmarginError} `NOT_FITTED`, `DISPOSED`; `MODEL_UNSUPPORTED` for labels that are no 32-bit
   *   integers, and for a machine that scales its rows first
   */
  toLibsvm(): string {
    return writeLibsvm(this.toState())
  }

  /**
   * The machine that a LIBSVM model tells of (C-SVC or nu-SVC, `svm-train`'s output). Its vectors are rounded to
   * float32. `support` is -1 throughout, and C is not in the file: the machine has the default.
   *
   * @param o.columns how wide the rows are that it is for; default: the greatest index in the text
   * @throws {SoftmarginError} `MODEL_UNREADABLE`, `MODEL_UNSUPPORTED`, `OUT_OF_MEMORY`, `INVALID_ARGUMENT`
   */
  static fromLibsvm(text: string, o: { columns?: number | undefined } = {}): SVC<number> {
    return SVC.fromState(readLibsvm(text, o.columns))
  }

  /**
   * The machine as an ONNX model (`ai.onnx.ml.SVMClassifier`) that any ONNX Runtime runs. The operator's numbers are
   * float32; `fromOnnx` takes the exact ones, and the options, from the file's `metadata_props`, so that the machine
   * comes back bit for bit. `threads` and `cacheSize` are not in the file.
   *
   * Input `X` float32 [N, columns]; outputs `label`, int64 if all labels are whole numbers, else string, and
   * `scores` float32: for two classes [N, 2], the greater one the label's, for more [N, pairs], above 0 for the
   * first class of the pair. A machine with probabilities answers them instead, as `probabilities` [N, classes].
   *
   * @param o.onWarning told where another runtime, whose kernel values are plain float32, would label support vectors
   *   otherwise. Default: a warning on the console.
   * @throws {SoftmarginError} `NOT_FITTED`, `DISPOSED`; `MODEL_UNSUPPORTED` for numbers beyond float32
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
   * The machine in an ONNX model: ours, or what skl2onnx makes of scikit-learn's SVC, alone or in a pipeline
   * after StandardScaler, MinMaxScaler, RobustScaler or Normalizer, which `predict` then does as well.
   *
   * @typeParam L the labels that the file is known to have; they are not checked
   * @param bytes the whole .onnx file
   * @throws {SoftmarginError} `MODEL_UNREADABLE`, `MODEL_UNSUPPORTED`, `INVALID_ARGUMENT`
   */
  static async fromOnnx<L extends Label = Label>(bytes: Uint8Array | ArrayBuffer): Promise<SVC<L>> {
    const { readSvcOnnx } = await import('./formats/svc-onnx.ts')
    return SVC.fromState(readSvcOnnx(bytes) as SvcState<L>)
  }

  #checkAlive(): void {
    if (this.#disposed) throw new SoftmarginError('DISPOSED', 'this SVC was disposed of: make a new one')
  }

  #checkFitted(): Fitted<L> {
    this.#checkAlive()
    if (!this.#fitted) {
      throw new SoftmarginError('NOT_FITTED', 'this SVC has learnt nothing yet: call fit(X, y) first')
    }
    return this.#fitted
  }

  /** Lets go of the engine's memory and of what was learnt. A second call does nothing. */
  dispose(): void {
    this.#disposed = true
    this.#fitted = undefined
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
