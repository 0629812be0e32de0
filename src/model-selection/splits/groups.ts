import { invalidArgument, shapeMismatch } from '../../core/errors.ts'
import { type EncodedLabels, encodeLabels } from '../../core/label-codes.ts'
import type { Label } from '../../core/labels.ts'

/**
 * Checks and numbers the groups of rows.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` if `groups` is no list of strings or numbers, `SHAPE_MISMATCH` if its
 *   length differs
 */
export function checkGroups(groups: ArrayLike<Label> | undefined, rows: number): EncodedLabels {
  if (groups === null || typeof groups !== 'object' || typeof groups.length !== 'number') {
    throw invalidArgument('groups', groups, 'an array with the group of each row')
  }
  if (groups.length !== rows) {
    throw shapeMismatch('groups', groups.length, `${rows} groups, one for each row of X`)
  }
  return encodeLabels(groups, 'groups')
}

/** For each group, its number of rows of each class. */
export function countByGroup(labels: EncodedLabels, groups: EncodedLabels): Float64Array[] {
  const counts = groups.classes.map(() => new Float64Array(labels.classes.length))
  for (const [row, group] of groups.codes.entries()) counts[group][labels.codes[row]]++
  return counts
}
