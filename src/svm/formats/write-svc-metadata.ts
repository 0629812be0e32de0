import type { SvcState } from '../model/svc-state.ts'
import { portable } from './svc-metadata.ts'

/**
 * Returns the metadata as JSON. The options `threads` and `cacheSize` depend on the computer, not on the model, and
 * are left out.
 */
export function svcToMetadata({ options, fitStatus, nIter, support }: SvcState): object {
  return {
    options: portable(options),
    fitStatus,
    nIter: Array.from(nIter),
    support: Array.from(support),
  }
}
