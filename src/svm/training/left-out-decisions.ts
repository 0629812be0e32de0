// Decision values of each row from an SVC that was fitted on all others, from one fit and those that it leaves to do.

import type { LongCall, Warned } from '../../core/call-options.ts'
import type { Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import { decisionThreads } from '../../engine/decision/decision-threads.ts'
import { pairCount, pairsOf } from '../../engine/kernel/pairs.ts'
import type { FitStatus } from '../../engine/solver/solver.ts'
import { DecisionFunction } from '../model/decision-function.ts'
import type { SampleWeight } from '../model/sample-weight.ts'
import type { SvcParameters } from '../model/svc-params.ts'
import { trainingProblem } from './fit-svc.ts'
import { fitOneVsOne } from './one-vs-one.ts'

/** Decision values of each row from the fit on all other rows. */
export interface LeftOutDecisions<L extends Label = Label> {
  /** Rows x pairs of classes, (0, 1), (0, 2), ..., (1, 2), ..., positive for the first class of the pair. */
  decisions: Float64Array
  classes: L[]
  /** Class number of each row. */
  codes: Int32Array
  /** Number of problems of two classes that were solved besides those of the fit on all rows. */
  refits: number
  /** Number of problems of two classes that separate fits without each row would change. */
  problems: number
  /** The worst status of all problems. */
  fitStatus: FitStatus
}

/**
 * Leaves each row out of the fit of an SVC with these parameters. Gamma and the class weights are those of all rows.
 *
 * Of the problems of pairs, a row is part of those of its class. From the others it gets the decision value of the fit on
 * all rows.
 *
 * @param y one label for each row of X
 * @param o.onProgress counts rows, once for each pair of their class
 * @throws {SoftmarginError} as `SVC.fit`
 */
export async function leaveEachRowOut<L extends Label>(
  X: Matrix,
  y: ArrayLike<L>,
  parameters: SvcParameters,
  o: LongCall & Warned & { sampleWeight?: SampleWeight | undefined } = {},
): Promise<LeftOutDecisions<L>> {
  const { signal, onWarning, onProgress } = o
  const { problem, kernel, classes, codes } = await trainingProblem(X, y, parameters, o)
  const { leftOut, ...model } = await fitOneVsOne({ ...problem, leaveOneOut: true }, kernel, {
    ...{ ...parameters, signal, onWarning, onLeftOut: onProgress },
  })
  const { groups } = problem
  const pairs = pairCount(classes.length)
  const used = groups.reduce((sum, group) => sum + group.length, 0)
  let decisions: Float64Array = new Float64Array(X.rows * pairs)
  if (pairs > 1 || used < X.rows) {
    const decider = new DecisionFunction(model, { ...parameters, onThreads: decisionThreads })
    try {
      decisions = await decider.decide(X, { signal })
    } finally {
      decider.dispose()
    }
  }
  for (const [pair, [i, j]] of pairsOf(classes.length).entries()) {
    const own = leftOut!.decisions[pair]
    const rows = [...groups[i], ...groups[j]]
    for (const [at, row] of rows.entries()) decisions[row * pairs + pair] = own[at]
  }
  return {
    ...{ decisions, classes, codes, refits: leftOut!.refits, fitStatus: model.fitStatus },
    problems: used * (classes.length - 1),
  }
}
