import { SoftmarginError } from '../../core/errors.ts'
import type { Kernel } from '../../engine/kernel/kernel.ts'
import { reorderClasses } from '../model/class-order.ts'
import type { SvcState } from '../model/svc-state.ts'
import type { ImportedModel } from './import-model.ts'

/**
 * Returns the model with its classes in the order in which they win ties: the order of the file it came from, if any.
 *
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` for a precomputed kernel
 */
export function importedFromState(state: SvcState): ImportedModel {
  const { classes, tieOrder, inputSteps = [] } = state
  const kernel = featureKernel(state)
  if (tieOrder === undefined) return { ...state, kernel, inputSteps }
  return {
    ...reorderClasses(state, tieOrder),
    classes: Array.from(tieOrder, (c) => classes[c]),
    kernel,
    inputSteps,
  }
}

/**
 * Returns the kernel of a model that is to be written to a file.
 *
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` for a precomputed kernel
 */
export function featureKernel({ kernel }: SvcState): Kernel {
  if (kernel.kind !== 'precomputed') return kernel
  throw new SoftmarginError(
    'MODEL_UNSUPPORTED',
    'a model with a precomputed kernel has no support vectors to write to a file; store its toState() instead',
    { argument: 'kernel', received: kernel.kind, expected: 'a kernel of features' },
  )
}
