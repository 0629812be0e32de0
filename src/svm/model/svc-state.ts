import type { Label } from '../../core/labels.ts'
import type { FittedModel, ModelExtras } from './fitted-model.ts'
import type { SvcOptions } from './svc-params.ts'

/**
 * Everything that a fitted machine is made of. Plain data: `SVC.fromState` makes the same machine of it, also after
 * `structuredClone`, `postMessage`, IndexedDB or JSON.
 */
export interface SvcState<L extends Label = Label> extends FittedModel, ModelExtras {
  options: SvcOptions
  /** Sorted: numbers by value, strings by code unit. */
  classes: L[]
}
