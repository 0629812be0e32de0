import { SoftmarginError } from '../../core/errors.ts'
import type { Fold, Splitter } from '../../core/folds.ts'
import { checkClasses, checkLabels, countCodes, encodeLabels } from '../../core/label-codes.ts'
import type { Label } from '../../core/labels.ts'
import { Random } from '../../core/random.ts'
import { checkGroups, countByGroup } from './groups.ts'
import { foldsFrom, type KFoldOptions, kFoldOptions } from './k-fold-options.ts'

/**
 * Splits rows into folds that never divide a group, such as the pictures of one person or near-duplicates, and that
 * preserve the class proportions as far as the groups allow.
 *
 * Without shuffling, the algorithm and its folds are those of scikit-learn's `StratifiedGroupKFold`: groups, the most
 * uneven ones first, go where they leave the classes most evenly spread over the folds.
 */
export class StratifiedGroupKFold implements Splitter {
  readonly nSplits: number
  readonly shuffle: boolean
  readonly randomState: number

  /**
   * @param o.nSplits number of folds, 2 or more. Default 5.
   * @param o.shuffle whether to shuffle the groups before assigning them to folds. Default false.
   * @param o.randomState seed of the shuffling, an integer from 0 to 2^32 - 1. Default 0.
   * @throws {SoftmarginError} `INVALID_ARGUMENT`
   */
  constructor(o: KFoldOptions = {}) {
    const { nSplits, shuffle, randomState } = kFoldOptions(o)
    this.nSplits = nSplits
    this.shuffle = shuffle
    this.randomState = randomState
  }

  /**
   * Returns the folds. Each row is in the `test` of exactly one, and all rows of a group are in the same.
   *
   * @param X the rows; only their number is used
   * @param y one label per row
   * @param groups the group of each row: a string or a number
   * @throws {SoftmarginError} `TOO_FEW_ROWS` if there are fewer groups than folds, or if the training rows of a fold
   *   would lack a class (the message names it), `ONE_CLASS`, `SHAPE_MISMATCH`, `EMPTY_INPUT`, `INVALID_ARGUMENT`
   */
  split(
    X: ArrayLike<unknown> | { rows: number },
    y: ArrayLike<Label>,
    groups?: ArrayLike<Label> | undefined,
  ): Fold[] {
    const rows = 'rows' in X ? X.rows : X.length
    checkLabels(y, rows)
    const labels = encodeLabels(y)
    checkClasses(labels.classes)
    const encoded = checkGroups(groups, rows)
    const { nSplits } = this
    if (encoded.classes.length < nSplits) {
      const count = encoded.classes.length
      const message = `groups must hold at least ${nSplits} groups, one for each fold, but hold ${count}`
      throw new SoftmarginError('TOO_FEW_ROWS', message, {
        argument: 'groups',
        received: count,
        expected: `at least ${nSplits} groups`,
      })
    }
    const counts = countByGroup(labels, encoded)
    const order = [...counts.keys()]
    if (this.shuffle) new Random(this.randomState).shuffle(order)
    const spread = counts.map(deviation)
    // The sort is stable, so that equally uneven groups keep their order.
    order.sort((a, b) => spread[b] - spread[a])
    const total = countCodes(labels)
    const held = Array.from({ length: nSplits }, () => new Float64Array(total.length))
    const foldOfGroup = new Int32Array(counts.length)
    for (const group of order) {
      const fold = bestFold(held, counts[group], total)
      for (const [k, count] of counts[group].entries()) held[fold][k] += count
      foldOfGroup[group] = fold
    }
    for (const fold of held) {
      const lacking = fold.findIndex((count, k) => count === total[k])
      if (lacking >= 0) throw oneFold(labels.classes[lacking])
    }
    return foldsFrom(
      encoded.codes.map((group) => foldOfGroup[group]),
      nSplits,
    )
  }
}

/** The fold that a group leaves the classes most even in; of equal ones, the one with the fewest rows. */
function bestFold(held: readonly Float64Array[], counts: Float64Array, total: Int32Array): number {
  let best = 0
  let least = Number.POSITIVE_INFINITY
  let fewest = Number.POSITIVE_INFINITY
  for (const [fold, own] of held.entries()) {
    let sum = 0
    for (const [k, all] of total.entries()) {
      const shares = held.map((each, i) => (each[k] + (i === fold ? counts[k] : 0)) / all)
      sum += deviation(shares)
    }
    const unevenness = sum / total.length
    const rows = own.reduce((sum, count) => sum + count, 0)
    // scikit-learn's np.isclose.
    const isClose = Math.abs(unevenness - least) <= 1e-8 + 1e-5 * least && least !== Number.POSITIVE_INFINITY
    if (unevenness < least || (isClose && rows < fewest)) {
      best = fold
      least = unevenness
      fewest = rows
    }
  }
  return best
}

/** The standard deviation of the population. */
function deviation(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]
  const mean = sum / values.length
  let squares = 0
  for (let i = 0; i < values.length; i++) squares += (values[i] - mean) ** 2
  return Math.sqrt(squares / values.length)
}

function oneFold(label: Label): SoftmarginError {
  const name = JSON.stringify(label)
  return new SoftmarginError(
    'TOO_FEW_ROWS',
    `each class must have rows in two groups that are in different folds, but all rows of class ${name} are in one fold`,
    { argument: 'groups', received: label, expected: `rows of class ${name} in several groups` },
  )
}
