import { exp } from '../../core/exp-log.ts'
import type { Matrix } from '../../core/matrix.ts'
import { Random } from '../../core/random.ts'
import type { TimeSlice } from '../../engine/wasm/time-slice.ts'
import { Normalizer } from '../../preprocessing/normalizer.ts'

/** Similarities are computed between at most so many rows, 64 MB; of more, so many are drawn at random. */
const MOST = 4000

/**
 * Chooses rows whose labels would teach a classifier most: rows that stand for many others that it is uncertain about and
 * that are unlike both the rows that it knows and each other. One after the other, the row is taken that adds most to
 * the sum over all rows of their uncertainty times their similarity to the nearest row that is known or chosen (facility
 * location weighted by uncertainty: K. Wei, R. Iyer, J. Bilmes, "Submodularity in data subset selection and active
 * learning", ICML 2015).
 *
 * @param X scaled features
 * @param uncertainties of each row, from 0 to 1
 * @param known scaled features of rows that are known
 * @param count number of rows to choose
 * @returns row numbers, in the order in which they were chosen
 * @throws {SoftmarginError} `ABORTED`
 */
export async function representativeRows(
  X: Matrix,
  uncertainties: Float64Array,
  known: Matrix,
  count: number,
  timeSlice: TimeSlice,
): Promise<number[]> {
  if (count >= X.rows) {
    const all = Array.from({ length: X.rows }, (_, row) => row)
    return all.sort((a, b) => uncertainties[b] - uncertainties[a] || a - b)
  }
  // Of many rows some are drawn at random, which stand for the others.
  const drawn = new Random(0)
    .shuffle(Array.from({ length: X.rows }, (_, row) => row))
    .slice(0, Math.max(MOST, count))
  const normalizer = new Normalizer()
  const pool = await normalizer.transform(X.select(drawn))
  const { rows } = pool
  const covered = await nearestSimilarity(pool, await normalizer.transform(known), timeSlice)
  const similarities = new Float32Array(rows * rows)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j <= i; j++) {
      const value = Math.max(0, dot(pool, i, pool, j))
      similarities[i * rows + j] = value
      similarities[j * rows + i] = value
    }
    if (timeSlice.expired) await timeSlice.yield()
  }
  const weights = Float64Array.from(drawn, (row) => uncertainties[row])
  const gainOf = (i: number) => {
    let gain = 0
    for (let j = 0, at = i * rows; j < rows; j++, at++) {
      const more = similarities[at] - covered[j]
      if (more > 0) gain += weights[j] * more
    }
    return gain
  }
  // Gains only shrink while rows are chosen, so that an old one is a bound: most need not be computed again.
  const bounds = Float64Array.from({ length: rows }, () => Number.POSITIVE_INFINITY)
  const chosen: number[] = []
  while (chosen.length < count) {
    let best = -1
    let most = -1
    const order = [...bounds.keys()]
      .filter((i) => bounds[i] >= 0)
      .sort((a, b) => bounds[b] - bounds[a] || a - b)
    for (const i of order) {
      if (bounds[i] <= most) break
      bounds[i] = gainOf(i)
      if (bounds[i] > most) {
        best = i
        most = bounds[i]
      }
      if (timeSlice.expired) await timeSlice.yield()
    }
    chosen.push(drawn[best])
    bounds[best] = -1
    for (let j = 0; j < rows; j++) covered[j] = Math.max(covered[j], similarities[best * rows + j])
  }
  return chosen
}

/** For each row its greatest similarity to one of the others, at least 0. */
async function nearestSimilarity(rows: Matrix, others: Matrix, timeSlice: TimeSlice): Promise<Float64Array> {
  const nearest = new Float64Array(rows.rows)
  for (let i = 0; i < rows.rows; i++) {
    for (let j = 0; j < others.rows; j++) nearest[i] = Math.max(nearest[i], dot(rows, i, others, j))
    if (timeSlice.expired) await timeSlice.yield()
  }
  return nearest
}

function dot(A: Matrix, i: number, B: Matrix, j: number): number {
  let sum = 0
  for (let f = 0, a = i * A.cols, b = j * B.cols; f < A.cols; f++, a++, b++) sum += A.data[a] * B.data[b]
  return sum
}

/**
 * How uncertain each row is, from 0 to 1: 1 less the lead of the best class over the second, in shares that are the softmax
 * of the sums of the classes' decision values.
 *
 * @param decisions in the shape 'ovo', as `SVC.decisionFunction` returns them
 */
export function uncertaintiesOf(decisions: Matrix, classes: number): Float64Array {
  return Float64Array.from({ length: decisions.rows }, (_, i) => {
    const pairs = decisions.row(i)
    const sums = new Float64Array(classes)
    if (classes === 2) sums.set([-pairs[0], pairs[0]])
    else {
      for (let a = 0, pair = 0; a < classes; a++) {
        for (let b = a + 1; b < classes; b++, pair++) {
          sums[a] += pairs[pair]
          sums[b] -= pairs[pair]
        }
      }
    }
    const top = Math.max(...sums)
    const weights = sums.map((sum) => exp((sum - top) / Math.sqrt(classes - 1)))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const [first, second] = [...weights].sort((a, b) => b - a)
    return 1 - (first - second) / total
  })
}
