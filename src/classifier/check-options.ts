// Validates the options of a new classifier; one that is loaded from a file does without.

import { checkFineTune, type FineTuneOptions } from '../cnn/training/fine-tune-options.ts'
import { invalidArgument } from '../core/errors.ts'
import { checkKnownOptions } from '../core/known-options.ts'
import { checkScale } from '../preprocessing/fit-feature-scaler.ts'
import { SVC, type SvcOptions } from '../svm/svc.ts'
import { checkUnknown } from './check-unknown.ts'
import {
  type ClassifierFineTune,
  type ClassifierOptions,
  checkStore,
  type UnknownSettings,
} from './classifier-options.ts'

/** Validates the options and fills in defaults. @throws {SoftmarginError} `INVALID_ARGUMENT` */
export function checkOptions(options: ClassifierOptions): Required<
  Omit<ClassifierOptions, 'store' | 'unknown' | 'fineTune'>
> &
  Pick<ClassifierOptions, 'store'> & {
    unknown: UnknownSettings | undefined
    fineTune: ClassifierFineTune | undefined
  } {
  checkKnownOptions(options, ['extractor', 'svm', 'scale', 'probability', 'unknown', 'store', 'fineTune'])
  const { extractor = {}, svm = {}, scale = 'standard', store, fineTune = false } = options
  for (const [name, value] of Object.entries({ extractor, svm })) {
    if (value === null || typeof value !== 'object') throw invalidArgument(name, value, 'an object')
  }
  checkScale(scale)
  checkStore(store)
  const inSvm = svm instanceof SVC ? svm.getParams().probability : svm.probability
  const probability = options.probability ?? inSvm ?? false
  if (typeof probability !== 'boolean' && probability !== 'libsvm') {
    throw invalidArgument('probability', probability, "true, false or 'libsvm'")
  }
  const unknown = checkUnknown(options.unknown)
  return {
    extractor,
    svm: withDefaultC(svm),
    scale,
    probability,
    unknown,
    store,
    fineTune: checkTuning(fineTune, store, unknown),
  }
}

/**
 * The options of an SVM with the default C for features of images: more accurate than 1 for 5 to 150 photos or digits of
 * a class (bench/defaults.js). An `SVC` keeps its own.
 */
export function withDefaultC(svm: SVC | SvcOptions): SVC | SvcOptions {
  return svm instanceof SVC || svm.C !== undefined ? svm : { ...svm, C: 3 }
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` */
function checkTuning(
  fineTune: unknown,
  store: unknown,
  unknown: UnknownSettings | undefined,
): ClassifierFineTune | undefined {
  if (fineTune === false) return undefined
  if (fineTune !== true && (typeof fineTune !== 'object' || fineTune === null)) {
    throw invalidArgument('fineTune', fineTune, 'true, false or an object of options')
  }
  const options = fineTune === true ? {} : (fineTune as ClassifierFineTune)
  const { groups, signal, onProgress, onUnreadable } = options as FineTuneOptions
  for (const [name, value] of Object.entries({ groups, signal, onProgress, onUnreadable })) {
    if (value !== undefined) throw invalidArgument(`fineTune.${name}`, value, 'passed to fit')
  }
  checkFineTune(options, 'fineTune')
  if (store !== undefined) {
    const expected = 'left out with fineTune, since features of a CNN that changes cannot be kept'
    throw invalidArgument('store', store, expected)
  }
  if (!unknown) return options
  if (options.refit) {
    const expected = 'left out with unknown, whose threshold needs images that the CNN has not learnt from'
    throw invalidArgument('fineTune.refit', true, expected)
  }
  return { ...options, refit: false }
}
