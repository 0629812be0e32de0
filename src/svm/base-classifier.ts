import type { LongCall } from '../core/call-options.ts'
import { invalidArgument } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'
import { Matrix, type MatrixLike } from '../core/matrix.ts'
import { decisionMatrix } from '../engine/decision/decision-matrix.ts'
import { vote } from '../engine/decision/voting.ts'
import type { DecisionFunction } from './model/decision-function.ts'
import type { FittedModel, ModelExtras } from './model/fitted-model.ts'

/** A fitted one-vs-one model, its classes, and what computes its decision values. */
export interface FittedClassifier<L extends Label> {
  model: FittedModel & ModelExtras
  classes: L[]
  decisions: DecisionFunction
}

/** The predictions of a fitted SVC. Base of `SVC` and of `SvcPredictor`. */
export abstract class BaseClassifier<L extends Label> {
  /**
   * @throws {SoftmarginError} `NOT_FITTED`, `DISPOSED`
   * @internal
   */
  protected abstract fitted(): FittedClassifier<L>

  /**
   * Predicts the label of each row. Every pair of classes casts one vote; on a tie the first class in order
   * wins.
   *
   * @throws {SoftmarginError} `NOT_FITTED`, `SHAPE_MISMATCH`, `EMPTY_INPUT`, `NOT_FINITE`, `ABORTED`,
   *   `DISPOSED`
   */
  async predict(X: MatrixLike, o: LongCall = {}): Promise<L[]> {
    const { model, classes, decisions } = this.fitted()
    const labels: L[] = []
    await decisions.decideInBlocks(X, o, (block) => {
      for (const code of vote(block, classes.length, model.tieOrder)) labels.push(classes[code])
    })
    return labels
  }

  /**
   * Predicts the probability of each class, rows x classes, in the order of `classes`: Platt scaling of each
   * pair, combined by pairwise coupling. The SVC must have been created with `probability: true`, or come from
   * a file that holds probabilities.
   *
   * The sigmoids are fitted to decision values of held-out folds, while `predict` counts votes. So the class
   * with the largest probability is usually, but not always, the one that `predict` returns.
   *
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for a model without probabilities, and as `predict`
   */
  async predictProba(X: MatrixLike, o: LongCall = {}): Promise<Matrix> {
    const { model, classes, decisions } = this.fitted()
    const { sigmoids, tieOrder } = model
    if (!sigmoids) {
      throw invalidArgument('probability', false, 'true when the SVC is made, for predictProba to be there')
    }
    const { coupleProbabilities } = await import('../engine/decision/coupling.ts')
    const rows: ArrayLike<number>[] = []
    await decisions.decideInBlocks(X, o, (block) => {
      const data = coupleProbabilities(block, classes.length, sigmoids, tieOrder)
      for (let at = 0; at < data.length; at += classes.length)
        rows.push(data.subarray(at, at + classes.length))
    })
    return Matrix.from(rows)
  }

  /**
   * Returns decision values (signed; the margin is at +-1).
   *
   * With two classes, rows x 1, positive for `classes[1]`. With more, `shape: 'ovr'` (default) returns rows x
   * classes: the votes for each class plus a fraction from its confidences, as in scikit-learn. `'ovo'` returns
   * rows x pairs, for the pairs (0, 1), (0, 2), ..., (1, 2), ..., positive for the first class of the pair.
   *
   * @throws {SoftmarginError} as `predict`, and `INVALID_ARGUMENT` for any other `shape`
   */
  async decisionFunction(
    X: MatrixLike,
    o: LongCall & { shape?: 'ovr' | 'ovo' | undefined } = {},
  ): Promise<Matrix> {
    const { classes, decisions } = this.fitted()
    const shape = o.shape ?? 'ovr'
    if (shape !== 'ovr' && shape !== 'ovo') throw invalidArgument('shape', shape, "'ovr' or 'ovo'")
    return decisionMatrix(await decisions.decide(X, o), classes.length, shape)
  }
}
