import type { Matrix } from '../../core/matrix.ts'
import { Random } from '../../core/random.ts'
import type { TimeSlice } from '../../engine/wasm/time-slice.ts'

/** Of so many times more pictures than are asked for, the most uncertain ones, some are chosen that differ. */
const POOL = 10
/** Rounds of k-means at most. */
const ROUNDS = 20

/**
 * Chooses rows whose labels would teach a classifier most: rows that it is uncertain about and that differ from each
 * other. Of the ten times as many rows with the smallest margins, k-means finds as many clusters as rows are wanted, and
 * the row next to each centre is taken (F. Zhdanov, "Diverse mini-batch active learning", arXiv:1901.05954, 2019).
 *
 * @param X scaled features
 * @param margins how far each row is from being given another label
 * @param count number of rows to choose
 * @returns row numbers, those with the smallest margins first
 * @throws {SoftmarginError} `ABORTED`
 */
export async function diverseRows(
  X: Matrix,
  margins: Float64Array,
  count: number,
  timeSlice: TimeSlice,
): Promise<number[]> {
  const byMargin = [...margins.keys()].sort((a, b) => margins[a] - margins[b] || a - b)
  if (count >= byMargin.length) return byMargin
  const pool = byMargin.slice(0, POOL * count)
  const rows = X.select(pool)
  const centres = await kMeans(rows, count, timeSlice)
  const taken = new Set<number>()
  for (let c = 0; c < count; c++) {
    let nearest = -1
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < rows.rows; i++) {
      if (taken.has(i)) continue
      const square = squaredDistance(rows.row(i), centres.row(c))
      if (square >= least) continue
      least = square
      nearest = i
    }
    taken.add(nearest)
    if (timeSlice.expired) await timeSlice.yield()
  }
  return [...taken].sort((a, b) => a - b).map((i) => pool[i])
}

/** The centres of k-means, from k-means++ with a fixed seed (Arthur and Vassilvitskii, SODA 2007). */
async function kMeans(rows: Matrix, count: number, timeSlice: TimeSlice): Promise<Matrix> {
  const centres = await firstCentres(rows, count, timeSlice)
  const nearest = new Int32Array(rows.rows).fill(-1)
  for (let round = 0; round < ROUNDS; round++) {
    let moved = 0
    for (let i = 0; i < rows.rows; i++) {
      const centre = nearestCentre(rows.row(i), centres)
      if (centre !== nearest[i]) moved++
      nearest[i] = centre
      if (timeSlice.expired) await timeSlice.yield()
    }
    if (moved === 0) break
    const sums = new Float64Array(count * rows.cols)
    const sizes = new Int32Array(count)
    for (let i = 0; i < rows.rows; i++) {
      sizes[nearest[i]]++
      const own = rows.row(i)
      for (let f = 0; f < rows.cols; f++) sums[nearest[i] * rows.cols + f] += own[f]
    }
    for (let c = 0; c < count; c++) {
      // A centre that no row is nearest to stays where it is.
      if (sizes[c] === 0) continue
      const centre = centres.row(c)
      for (let f = 0; f < rows.cols; f++) centre[f] = sums[c * rows.cols + f] / sizes[c]
    }
  }
  return centres
}

async function firstCentres(rows: Matrix, count: number, timeSlice: TimeSlice): Promise<Matrix> {
  const random = new Random(0)
  const squares = new Float64Array(rows.rows).fill(1)
  const chosen: number[] = []
  while (chosen.length < count) {
    const total = squares.reduce((sum, square) => sum + square, 0)
    let left = (random.uint32() / 2 ** 32) * total
    let next = squares.findIndex((square) => {
      left -= square
      return left < 0
    })
    // Where all rows that are left are copies of chosen ones, any will do.
    if (next < 0) next = squares.findIndex((_, i) => !chosen.includes(i))
    chosen.push(next)
    for (let i = 0; i < rows.rows; i++) {
      const square = squaredDistance(rows.row(i), rows.row(next))
      squares[i] = chosen.length === 1 ? square : Math.min(squares[i], square)
    }
    if (timeSlice.expired) await timeSlice.yield()
  }
  return rows.select(chosen)
}

function nearestCentre(row: Float32Array, centres: Matrix): number {
  let nearest = 0
  let least = Number.POSITIVE_INFINITY
  for (let c = 0; c < centres.rows; c++) {
    const square = squaredDistance(row, centres.row(c))
    if (square >= least) continue
    least = square
    nearest = c
  }
  return nearest
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let square = 0
  for (let f = 0; f < a.length; f++) square += (a[f] - b[f]) ** 2
  return square
}

/** By how much the best class of each row leads the second, from decision values in the shape 'ovr'. */
export function marginsOf(decisions: Matrix): Float64Array {
  return Float64Array.from({ length: decisions.rows }, (_, i) => {
    const row = decisions.row(i)
    if (row.length === 1) return Math.abs(row[0])
    let [first, second] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const value of row) {
      if (value > first) [first, second] = [value, first]
      else if (value > second) second = value
    }
    return first - second
  })
}
