import { accuracy, standardErrorOfDifference } from './feature-probe.ts'
import type { Validation } from './fine-tune-options.ts'

/** Which of the held-out images each classifier labels correctly. */
export interface Verdicts {
  frozen: boolean[]
  tuned: boolean[]
  softmax: boolean[]
}

/** The verdicts of several trainings together. @param rows positions of the images that the first one held out */
export function validationOf(folds: readonly Verdicts[], rows: number[]): Validation {
  const [frozen, tuned, softmax] = (['frozen', 'tuned', 'softmax'] as const).map((name) =>
    folds.flatMap((fold) => fold[name]),
  )
  return {
    images: tuned.length,
    folds: folds.length,
    rows,
    frozen: accuracy(frozen),
    tuned: accuracy(tuned),
    softmax: accuracy(softmax),
    standardError: standardErrorOfDifference(tuned, frozen),
  }
}

/** Whether the tuned network is better than the frozen one by more than one standard error. */
export function isBetter({ tuned, frozen, standardError }: Validation): boolean {
  return tuned - frozen > standardError
}

/** Whether other images may decide otherwise: the two networks differ by less than two standard errors. */
export function isUnclear({ tuned, frozen, standardError }: Validation): boolean {
  return Math.abs(tuned - frozen) < 2 * standardError
}
