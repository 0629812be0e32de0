import type { FitStatus } from '../../engine/solver/solver.ts'

/** From best to worst. */
const WORSE: readonly FitStatus[] = ['converged', 'stalled', 'imprecise', 'maxIter']

export function isFitStatus(value: unknown): value is FitStatus {
  return WORSE.includes(value as FitStatus)
}

export function worseStatus(a: FitStatus, b: FitStatus): FitStatus {
  return WORSE.indexOf(a) > WORSE.indexOf(b) ? a : b
}
