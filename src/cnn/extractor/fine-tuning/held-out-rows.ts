import { SoftmarginError } from '../../../core/errors.ts'
import type { Label } from '../../../core/labels.ts'
import { trainTestSplit } from '../../../model-selection/splits/train-test-split.ts'

/** Rows to learn from and rows held out, in order. */
export interface HeldOut {
  train: Int32Array
  test: Int32Array
}

/** What a split must respect. */
interface SplitOptions {
  /** Share of the rows to hold out. */
  validation: number
  randomState: number
  groups: readonly Label[] | undefined
}

/** @throws {SoftmarginError} `TOO_FEW_ROWS` if there are not enough rows, or groups, of a class to hold some out */
export function splitRows(y: readonly Label[], { validation, randomState, groups }: SplitOptions): HeldOut {
  if (validation === 0) return { train: Int32Array.from(y.keys()), test: new Int32Array(0) }
  try {
    const { trainRows, testRows } = trainTestSplit(y, y, {
      testSize: validation,
      stratify: true,
      groups,
      randomState,
    })
    return { train: trainRows.toSorted(), test: testRows.toSorted() }
  } catch (cause) {
    if (!(cause instanceof SoftmarginError) || cause.code !== 'TOO_FEW_ROWS') throw cause
    const units = groups ? 'images and groups' : 'images'
    const expected = `enough ${units} of each class to hold some out, or validation: 0`
    const message = `fineTune must have ${expected}: ${cause.message}`
    throw new SoftmarginError('TOO_FEW_ROWS', message, {
      argument: 'validation',
      received: validation,
      expected,
      cause,
    })
  }
}

/**
 * Holds out as many rows again, none of which was held out before.
 *
 * @param before what was held out before
 * @returns `undefined` if the rows that are left do not suffice
 */
export function splitAgain(
  y: readonly Label[],
  before: readonly HeldOut[],
  { validation, randomState, groups }: SplitOptions,
): HeldOut | undefined {
  const held = new Set(before.flatMap(({ test }) => [...test]))
  const left = [...y.keys()].filter((row) => !held.has(row))
  const share = (validation * y.length) / left.length
  if (share >= 1) return undefined
  const options = { validation: share, randomState, groups: groups && left.map((row) => groups[row]) }
  try {
    const { test: found } = splitRows(
      left.map((row) => y[row]),
      options,
    )
    const test = found.map((i) => left[i])
    const isTest = new Set(test)
    return { train: Int32Array.from(y.keys()).filter((row) => !isTest.has(row)), test }
  } catch (error) {
    if (error instanceof SoftmarginError && error.code === 'TOO_FEW_ROWS') return undefined
    throw error
  }
}
