import type { FitStatus } from '../../engine/solver/solver.ts'
import { WORSE } from './fit-status.ts'

export function worseStatus(a: FitStatus, b: FitStatus): FitStatus {
  return WORSE.indexOf(a) > WORSE.indexOf(b) ? a : b
}
