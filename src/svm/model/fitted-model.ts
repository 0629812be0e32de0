import type { Expansion } from '../../engine/decision/expansion.ts'
import type { Sigmoids } from '../../engine/decision/platt.ts'
import type { SvmKernel } from '../../engine/kernel/kernel.ts'
import type { FitStatus } from '../../engine/solver/solver.ts'
import type { InputStep } from './input-step.ts'

/** A fitted SVM: the kernel expansion of its decision functions, and how the fit went. */
export interface FittedModel extends Omit<Expansion, 'kernel'> {
  kernel: SvmKernel
  /** Row numbers in X of the support vectors, grouped by class. */
  support: Int32Array
  /** Number of support vectors of each class. */
  nSupport: Int32Array
  /** Solver iterations of each pair of classes. */
  nIter: Int32Array
  /** Why the solver stopped: the worst status of all pairs. */
  fitStatus: FitStatus
}

/** Parts that only some fitted models have. */
export interface ModelExtras {
  /** Platt scaling of each pair: maps decision values to probabilities. */
  sigmoids?: Sigmoids | undefined
  /** Preprocessing that is applied to each row before the SVM. */
  inputSteps?: InputStep[] | undefined
  /**
   * Class numbers in the order in which they win ties; set if the model comes from a file with another order of
   * classes.
   */
  tieOrder?: Int32Array | undefined
}
