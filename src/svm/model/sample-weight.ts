import { invalidArgument, shapeMismatch } from '../../core/errors.ts'
import type { EncodedLabels } from '../../core/labels.ts'

/** A factor of C for each row; rows with 0 are left out. */
export type SampleWeight = ArrayLike<number>

/**
 * The weights as numbers, 1 throughout if there are none.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for a weight below 0 or not finite, and for nothing but zeros;
 *   `SHAPE_MISMATCH` if there is not one for each row
 */
export function sampleWeights(given: SampleWeight | undefined, rows: number): Float64Array {
  if (given === undefined) return new Float64Array(rows).fill(1)
  if (given === null || typeof given !== 'object' || typeof given.length !== 'number') {
    throw invalidArgument('sampleWeight', given, 'an array of numbers')
  }
  if (given.length !== rows) {
    throw shapeMismatch('sampleWeight', given.length, `${rows} weights, one for each row of X`)
  }
  let largest = 0
  const weights = Float64Array.from({ length: rows }, (_, row) => {
    const weight = given[row]
    if (typeof weight !== 'number' || !(weight >= 0 && weight < Number.POSITIVE_INFINITY)) {
      throw invalidArgument(`sampleWeight[${row}]`, weight, 'a number of 0 or more')
    }
    largest = Math.max(largest, weight)
    return weight
  })
  if (largest === 0) throw invalidArgument('sampleWeight', 'all zeros', 'above 0 for some rows')
  return weights
}

/**
 * Row numbers class by class, without the rows that weigh nothing.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for a class that none is left of
 */
export function weightedGroups({ classes, codes }: EncodedLabels, weights: Float64Array): Int32Array[] {
  const groups: number[][] = classes.map(() => [])
  for (let row = 0; row < codes.length; row++) if (weights[row] > 0) groups[codes[row]].push(row)
  const empty = groups.findIndex((group) => group.length === 0)
  if (empty >= 0) {
    const label = JSON.stringify(classes[empty])
    throw invalidArgument(
      'sampleWeight',
      `0 for all rows of class ${label}`,
      'above 0 for a row of each class',
    )
  }
  return groups.map((group) => Int32Array.from(group))
}
