import { invalidArgument } from '../../core/errors.ts'
import { Random } from '../../core/random.ts'
import {
  checkPositive,
  type FilledIn,
  SVM_DEFAULTS,
  type SvmOptions,
  type SvmParameters,
  svmParameters,
} from './svm-params.ts'

/** Options of an `SVC`, with scikit-learn's names and defaults. */
export interface SvcOptions extends SvmOptions {
  /** Penalty for rows inside the margin or on the wrong side of it, above 0. Default 1. */
  C?: number | undefined
  /**
   * A factor of C for each class, by label. `'balanced'` is rows / (classes * rows of the class). Default: 1 for all
   * classes.
   */
  classWeight?: 'balanced' | Readonly<Record<string, number>> | undefined
  /**
   * Whether to fit probabilities too, for `predictProba`. Takes about six times as many iterations. Default false.
   */
  probability?: boolean | undefined
  /** Seed of the random folds that the probabilities are fitted on, an integer from 0 to 2^32 - 1. Default 0. */
  randomState?: number | undefined
  /**
   * Number of threads for long fits, searches and predictions, on hosts where threads can share memory. Default: one
   * per core. The results have the same bits for any number.
   */
  threads?: number | undefined
}

/** All options with their values. */
export type SvcParameters = SvmParameters &
  FilledIn<Omit<SvcOptions, keyof SvmOptions | 'classWeight' | 'threads'>> & {
    classWeight: SvcOptions['classWeight']
    threads: SvcOptions['threads']
  }

const DEFAULTS: SvcParameters = {
  ...SVM_DEFAULTS,
  C: 1,
  classWeight: undefined,
  probability: false,
  randomState: 0,
  threads: undefined,
}

/**
 * Fills in the defaults and checks every option.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`
 */
export function svcParameters(options: SvcOptions): SvcParameters {
  const p = svmParameters<SvcParameters>(options, DEFAULTS)
  checkPositive('C', p.C)
  if (typeof p.probability !== 'boolean') throw invalidArgument('probability', p.probability, 'true or false')
  new Random(p.randomState)
  if (p.threads !== undefined && (!Number.isInteger(p.threads) || p.threads < 1)) {
    throw invalidArgument('threads', p.threads, 'an integer of 1 or more')
  }
  checkClassWeight(p.classWeight)
  return p
}

function checkClassWeight(weight: SvcParameters['classWeight']): void {
  if (weight === undefined || weight === 'balanced') return
  if (weight === null || typeof weight !== 'object') {
    throw invalidArgument('classWeight', weight, "'balanced' or an object of factors by label")
  }
  for (const [label, factor] of Object.entries(weight)) checkPositive(`classWeight['${label}']`, factor)
}
