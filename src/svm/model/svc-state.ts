import type { Label } from '../../core/labels.ts'
import type { FittedModel, ModelExtras } from './fitted-model.ts'
import type { SvcOptions } from './svc-params.ts'

/**
 * A fitted SVC as plain data. `SVC.fromState` restores it, also after `structuredClone`, `postMessage`, IndexedDB or
 * JSON.
 */
export interface SvcState<L extends Label = Label> extends FittedModel, ModelExtras {
  options: SvcOptions
  /** The labels, sorted: numbers by value, strings by code unit. */
  classes: L[]
}
