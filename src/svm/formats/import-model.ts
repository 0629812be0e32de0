// Converts between SVC states and models in the files of other programs.

import { SoftmarginError } from '../../core/errors.ts'
import { type Label, uniqueLabels } from '../../core/labels.ts'
import type { Kernel } from '../../engine/kernel/kernel.ts'
import { inverseOrder, type OrderedModel, reorderClasses } from '../model/class-order.ts'
import type { InputStep } from '../model/input-step.ts'
import type { SvcState } from '../model/svc-state.ts'
import { isDegree, isFloat32, isGamma } from '../model/svm-params.ts'

/** A model as another program's file holds it, with the classes in the file's order. */
export interface ImportedModel<L extends Label = Label> extends OrderedModel {
  classes: L[]
  kernel: Kernel
  inputSteps?: InputStep[] | undefined
}

/**
 * Returns the state of an SVC with the same predictions as the file's program, and with its classes sorted.
 *
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` for kernel parameters that `SVC` does not accept
 */
export function stateFromImported<L extends Label>(foreign: ImportedModel<L>): SvcState<L> {
  const { kernel, inputSteps } = foreign
  if (!isDegree(kernel.degree)) throw unsupported('degree', kernel.degree)
  if (kernel.kind !== 'linear' && !isGamma(kernel.gamma)) throw unsupported('gamma', kernel.gamma)
  if (!isFloat32(kernel.coef0)) throw unsupported('coef0', kernel.coef0)
  const classes = uniqueLabels(foreign.classes, 'classes')
  const position = new Map(foreign.classes.map((label, c) => [label, c]))
  const order = Int32Array.from(classes, (label) => position.get(label)!)
  const inOrder = order.every((c, i) => c === i)
  const { supportVectors, nSupport, dualCoef, intercept, sigmoids } = inOrder
    ? foreign
    : reorderClasses(foreign, order)
  return {
    options: {
      kernel: kernel.kind,
      ...(kernel.kind === 'linear' ? {} : { gamma: kernel.gamma }),
      coef0: kernel.coef0,
      degree: kernel.degree,
      probability: sigmoids !== undefined,
    },
    classes,
    kernel,
    supportVectors,
    nSupport,
    dualCoef,
    intercept,
    // Files do not hold row numbers or iterations.
    support: new Int32Array(supportVectors.rows).fill(-1),
    nIter: new Int32Array(intercept.length),
    fitStatus: 'converged',
    sigmoids,
    inputSteps,
    tieOrder: inOrder ? undefined : inverseOrder(order),
  }
}

const wanted = {
  degree: 'an integer from 0 to 2^24',
  gamma: 'a number above 0 that float32 can hold',
  coef0: 'a number that float32 can hold',
}

function unsupported(what: keyof typeof wanted, value: number): SoftmarginError {
  const expected = wanted[what]
  return new SoftmarginError(
    'MODEL_UNSUPPORTED',
    `${what} of the model must be ${expected}, but is ${value}`,
    {
      argument: what,
      received: value,
      expected,
    },
  )
}
