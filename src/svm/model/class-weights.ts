import { invalidArgument } from '../../core/errors.ts'
import type { Label } from '../../core/labels.ts'
import type { SvcParameters } from './svc-params.ts'

/**
 * Returns the factor of C for each class.
 *
 * @param counts number of rows of each class
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for a label that is not in `classes`
 */
export function classWeights(
  classWeight: SvcParameters['classWeight'],
  classes: readonly Label[],
  counts: readonly number[],
): number[] {
  if (classWeight === undefined) return classes.map(() => 1)
  if (classWeight === 'balanced') {
    const present = counts.filter((count) => count > 0)
    const rows = present.reduce((sum, count) => sum + count, 0)
    return counts.map((count) => (count > 0 ? rows / (present.length * count) : 0))
  }
  const known = new Set(classes.map(String))
  for (const label of Object.keys(classWeight)) {
    if (!known.has(label)) {
      throw invalidArgument(
        'classWeight',
        label,
        `an object of factors for the labels in y: ${[...known].join(', ')}`,
      )
    }
  }
  return classes.map((label) => (Object.hasOwn(classWeight, String(label)) ? classWeight[String(label)] : 1))
}
