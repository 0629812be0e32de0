import { invalidArgument, shapeMismatch } from '../../core/errors.ts'
import { type EncodedLabels, rowsOfClasses } from '../../core/label-codes.ts'

/** A factor of C for each row, 0 or more. Rows with weight 0 are left out. */
export type SampleWeight = ArrayLike<number>

/**
 * Returns the weights as float64, all 1 if none are passed.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for a weight that is negative or not finite, and if all weights are 0;
 *   `SHAPE_MISMATCH` if there is not one per row
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
 * Returns the row numbers of each class, without the rows of weight 0.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` if no row of a class is left
 */
export function weightedGroups(labels: EncodedLabels, weights: Float64Array): Int32Array[] {
  const groups = rowsOfClasses(labels).map((rows) => rows.filter((row) => weights[row] > 0))
  const empty = groups.findIndex((group) => group.length === 0)
  if (empty >= 0) {
    const label = JSON.stringify(labels.classes[empty])
    throw invalidArgument(
      'sampleWeight',
      `0 for all rows of class ${label}`,
      'above 0 for a row of each class',
    )
  }
  return groups
}
