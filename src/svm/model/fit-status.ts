import type { FitStatus } from '../../engine/solver/solver.ts'

/** From best to worst. */
export const WORSE: readonly FitStatus[] = ['converged', 'stalled', 'imprecise', 'maxIter']

export function isFitStatus(value: unknown): value is FitStatus {
  return WORSE.includes(value as FitStatus)
}
