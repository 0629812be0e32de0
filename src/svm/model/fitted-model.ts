import type { Expansion } from '../../engine/decision/expansion.ts'
import type { Sigmoids } from '../../engine/decision/platt.ts'
import type { SvmKernel } from '../../engine/kernel/kernel.ts'
import type { FitStatus } from '../../engine/solver/solver.ts'
import type { InputStep } from './input-steps.ts'

/** A fitted machine: an expansion, and where it came from. */
export interface FittedModel extends Omit<Expansion, 'kernel'> {
  kernel: SvmKernel
  /** Row numbers of the support vectors, class by class. */
  support: Int32Array
  nSupport: Int32Array
  /** Iterations of each pair. */
  nIter: Int32Array
  /** Why the fit ended: of the pairs, the worst. */
  fitStatus: FitStatus
}

/** What a machine may have beside what `fit` makes. */
export interface ModelExtras {
  /** Makes probabilities of decision values. */
  sigmoids?: Sigmoids | undefined
  /** What is done to rows first. */
  inputSteps?: InputStep[] | undefined
  /** Class numbers in the order in which they win ties, where the file has its classes in another order. */
  tieOrder?: Int32Array | undefined
}
