import { invalidArgument } from '../core/errors.ts'
import type { Label } from '../core/labels.ts'
import { classificationReport } from '../metrics/classification-report.ts'
import { accuracyScore } from '../metrics/metrics.ts'

/** Scores predicted labels against the true ones. Greater is better. */
export type Scorer<L extends Label = Label> = (yTrue: L[], yPred: L[]) => number

const scorers = {
  accuracy: accuracyScore,
  /** Mean recall of the classes that occur in `yTrue`. */
  balancedAccuracy: (yTrue, yPred) => {
    const present = classificationReport(yTrue, yPred).classes.filter(({ support }) => support > 0)
    return present.reduce((sum, { recall }) => sum + recall, 0) / present.length
  },
  f1Macro: (yTrue, yPred) => classificationReport(yTrue, yPred).macroAverage.f1Score,
  f1Weighted: (yTrue, yPred) => classificationReport(yTrue, yPred).weightedAverage.f1Score,
} satisfies Record<string, Scorer>

/** The name of a score, or a custom scoring function. */
export type Scoring<L extends Label = Label> = keyof typeof scorers | Scorer<L>

/** @throws {SoftmarginError} `INVALID_ARGUMENT` for an unknown name (the message lists the known ones) */
export function toScorer<L extends Label>(scoring: Scoring<L>): Scorer<L> {
  if (typeof scoring === 'function') return scoring
  if (Object.hasOwn(scorers, scoring)) return scorers[scoring]
  throw invalidArgument('scoring', scoring, `a function or one of ${Object.keys(scorers).join(', ')}`)
}
