import { SoftmarginError } from '../../core/errors.ts'
import { checkLabels, countCodes, encodeLabels } from '../../core/label-codes.ts'
import type { Label } from '../../core/labels.ts'
import type { Random } from '../../core/random.ts'
import { checkGroups, countByGroup } from './groups.ts'

/** Numbers of rows of the two parts of a split. */
export interface Sizes {
  train: number
  test: number
}

/**
 * Splits rows into a training and a test set without dividing a group. Groups in a random order, the largest first, go to
 * the part that leaves the share of each class in the test set nearest to the share that is asked for.
 *
 * @param stratify the labels whose proportions are kept; `undefined` for the number of rows alone
 * @throws {SoftmarginError} `TOO_FEW_ROWS` if a part would be empty, or if all rows of a class would be in the test set;
 *   `INVALID_ARGUMENT`, `SHAPE_MISMATCH`
 */
export function splitGroups(
  groups: ArrayLike<Label>,
  stratify: ArrayLike<Label> | undefined,
  { train, test }: Sizes,
  random: Random,
): [trainRows: Int32Array, testRows: Int32Array] {
  const rows = train + test
  const encoded = checkGroups(groups, rows)
  if (stratify) checkLabels(stratify, rows, 'stratify')
  const labels = stratify
    ? encodeLabels(stratify, 'stratify')
    : { classes: [''], codes: new Int32Array(rows) }
  const counts = countByGroup(labels, encoded)
  const sizes = counts.map((own) => own.reduce((sum, count) => sum + count, 0))
  const order = random.shuffle([...counts.keys()]).sort((a, b) => sizes[b] - sizes[a])
  const share = test / rows
  const total = countCodes(labels)
  const seen = new Float64Array(total.length)
  const tested = new Float64Array(total.length)
  const isTest = new Uint8Array(counts.length)
  for (const group of order) {
    // By how much the test set differs from its share of the rows that are dealt, without and with this group.
    let without = 0
    let within = 0
    for (const [k, count] of counts[group].entries()) {
      seen[k] += count
      without += (tested[k] - share * seen[k]) ** 2 / total[k]
      within += (tested[k] + count - share * seen[k]) ** 2 / total[k]
    }
    if (within >= without) continue
    isTest[group] = 1
    for (const [k, count] of counts[group].entries()) tested[k] += count
  }
  const numbers = Int32Array.from({ length: rows }, (_, row) => row)
  const part = (which: number) => numbers.filter((row) => isTest[encoded.codes[row]] === which)
  const parts: [Int32Array, Int32Array] = [part(0), part(1)]
  const empty = parts.findIndex((side) => side.length === 0)
  if (empty >= 0) {
    const side = empty === 0 ? 'training' : 'test'
    throw tooFew(
      `no group fits into the ${side} set: the ${counts.length} groups of ${rows} rows are too large for ${[train, test][empty]} rows`,
    )
  }
  const missing = stratify ? total.findIndex((count, k) => tested[k] === count) : -1
  if (missing >= 0) {
    const name = JSON.stringify(labels.classes[missing])
    throw tooFew(
      `a stratified split must leave rows of each class for training, but the groups of class ${name} are all in the test set`,
    )
  }
  return [random.shuffle(parts[0]), random.shuffle(parts[1])]
}

function tooFew(message: string): SoftmarginError {
  return new SoftmarginError('TOO_FEW_ROWS', message, { argument: 'groups' })
}
