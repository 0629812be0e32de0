import { invalidArgument } from '../../core/errors.ts'
import type { Fold } from '../../core/folds.ts'
import { Random } from '../../core/random.ts'

/** Options of the splitters of k folds. */
export interface KFoldOptions {
  /** Number of folds, 2 or more. Default 5. */
  nSplits?: number | undefined
  /** Whether to shuffle before rows are assigned to folds. Default false. */
  shuffle?: boolean | undefined
  /** Seed of the shuffling, an integer from 0 to 2^32 - 1. Default 0. */
  randomState?: number | undefined
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`
 */
export function kFoldOptions(o: KFoldOptions): { nSplits: number; shuffle: boolean; randomState: number } {
  const { nSplits = 5, shuffle = false, randomState = 0 } = o
  if (!Number.isInteger(nSplits) || nSplits < 2) {
    throw invalidArgument('nSplits', nSplits, 'an integer of 2 or more')
  }
  if (typeof shuffle !== 'boolean') throw invalidArgument('shuffle', shuffle, 'true or false')
  new Random(randomState)
  return { nSplits, shuffle, randomState }
}

/** The folds, from the fold that each row is tested in. */
export function foldsFrom(testFold: Int32Array, nSplits: number): Fold[] {
  const rows = Int32Array.from(testFold.keys())
  return Array.from({ length: nSplits }, (_, fold) => ({
    train: rows.filter((row) => testFold[row] !== fold),
    test: rows.filter((row) => testFold[row] === fold),
  }))
}
