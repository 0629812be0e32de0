import type { LongCall } from '../core/call-options.ts'
import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'
import { Matrix, type MatrixLike } from '../core/matrix.ts'
import { coupleProbabilities } from '../engine/decision/coupling.ts'
import { oneVsRest, vote } from '../engine/decision/voting.ts'
import type { Simd } from '../engine/wasm/module.ts'
import { readLibsvm } from './formats/libsvm-model.ts'
import { DecisionFunction } from './model/decision-function.ts'
import type { FittedModel, ModelExtras } from './model/fitted-model.ts'
import { reviveModel } from './model/model-state.ts'
import type { SvcState } from './model/svc-state.ts'

/** The parts of an `SvcState` that prediction needs. */
export type PredictorState<L extends Label = Label> = FittedModel &
  ModelExtras & { classes: L[]; options?: Pick<SvcState['options'], 'simd'> | undefined }

/**
 * A fitted SVC that can only predict. It returns the same bits as `SVC`, without the code for training, reading
 * ONNX or grid search. A bundle that imports nothing else is a third of the size of one with `SVC`, which
 * matters in edge functions.
 *
 * @typeParam L the type of the labels
 */
export class SvcPredictor<L extends Label = Label> {
  readonly #machine: FittedModel & ModelExtras
  readonly #classes: L[]
  #open: DecisionFunction | undefined

  private constructor({ classes, options, ...machine }: PredictorState<L>) {
    this.#machine = machine
    this.#classes = classes
    this.#open = new DecisionFunction(machine, (options?.simd ?? 'strict') satisfies Simd)
  }

  /**
   * Creates a predictor from the result of `SVC.toState`, also after `structuredClone` or JSON.
   *
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for parts that are missing or do not agree
   */
  static fromState<L extends Label>(state: PredictorState<L>): SvcPredictor<L> {
    const revived = reviveModel(state)
    if (revived.classes?.length !== revived.nSupport.length) {
      throw invalidArgument('state.classes', revived.classes, 'a label for each class')
    }
    return new SvcPredictor(revived)
  }

  /**
   * Creates a predictor from a LIBSVM model, as `SVC.fromLibsvm` reads it.
   *
   * @param o.columns number of columns of the rows to predict; default: the greatest index in the text
   * @throws {SoftmarginError} `MODEL_UNREADABLE`, `MODEL_UNSUPPORTED`, `OUT_OF_MEMORY`, `INVALID_ARGUMENT`
   */
  static fromLibsvm(text: string, o: { columns?: number | undefined } = {}): SvcPredictor<number> {
    return new SvcPredictor(readLibsvm(text, o.columns))
  }

  /** The classes, sorted: numbers by value, strings by code unit. */
  get classes(): L[] {
    return this.#classes
  }

  /**
   * Predicts the label of each row. Every pair of classes casts one vote; on a tie the first class in order
   * wins.
   *
   * @throws {SoftmarginError} `SHAPE_MISMATCH`, `EMPTY_INPUT`, `NOT_FINITE`, `ABORTED`, `DISPOSED`
   */
  async predict(X: MatrixLike, o: LongCall = {}): Promise<L[]> {
    const labels: L[] = []
    await this.#decider().decideInBlocks(X, o, (decisions) => {
      for (const code of vote(decisions, this.#classes.length, this.#machine.tieOrder)) {
        labels.push(this.#classes[code])
      }
    })
    return labels
  }

  /**
   * Predicts the probability of each class, rows x classes, in the order of `classes`: Platt scaling of each
   * pair, combined by pairwise coupling.
   *
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for a model without probabilities, and as `predict`
   */
  async predictProba(X: MatrixLike, o: LongCall = {}): Promise<Matrix> {
    const { sigmoids, tieOrder } = this.#machine
    if (!sigmoids) {
      const message = 'predictProba() needs a model with probabilities: create the SVC with probability: true'
      throw invalidArgument('probability', false, 'true', message)
    }
    const classes = this.#classes.length
    const rows: ArrayLike<number>[] = []
    await this.#decider().decideInBlocks(X, o, (decisions) => {
      const data = coupleProbabilities(decisions, classes, sigmoids, tieOrder)
      for (let at = 0; at < data.length; at += classes) rows.push(data.subarray(at, at + classes))
    })
    return Matrix.from(rows)
  }

  /**
   * Returns decision values, in the shapes and with the signs of `SVC.decisionFunction`.
   *
   * @throws {SoftmarginError} as `predict`, and `INVALID_ARGUMENT` for an unknown `shape`
   */
  async decisionFunction(
    X: MatrixLike,
    o: LongCall & { shape?: 'ovr' | 'ovo' | undefined } = {},
  ): Promise<Matrix> {
    const shape = o.shape ?? 'ovr'
    if (shape !== 'ovr' && shape !== 'ovo') throw invalidArgument('shape', shape, "'ovr' or 'ovo'")
    const decisions = await this.#decider().decide(X, o)
    const classes = this.#classes.length
    if (classes === 2) {
      return new Matrix(
        Float32Array.from(decisions, (value) => -value),
        decisions.length,
        1,
      )
    }
    const pairs = (classes * (classes - 1)) / 2
    const rows = decisions.length / pairs
    if (shape === 'ovo') return new Matrix(Float32Array.from(decisions), rows, pairs)
    return new Matrix(oneVsRest(decisions, classes), rows, classes)
  }

  #decider(): DecisionFunction {
    if (this.#open) return this.#open
    throw new SoftmarginError('DISPOSED', 'this SvcPredictor was disposed of; create a new one')
  }

  /**
   * Releases the memory of the predictor. Predicting afterwards throws `DISPOSED`; a second `dispose` does nothing.
   */
  dispose(): void {
    this.#open?.dispose()
    this.#open = undefined
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
