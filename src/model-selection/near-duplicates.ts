import type { LongCall } from '../core/call-options.ts'
import { invalidArgument } from '../core/errors.ts'
import { checkFiniteRows, checkNotEmpty, Matrix, type MatrixLike } from '../core/matrix.ts'
import { TimeSlice } from '../engine/wasm/time-slice.ts'
import { Normalizer } from '../preprocessing/normalizer.ts'
import { StandardScaler } from '../preprocessing/standard-scaler.ts'

/** Two rows that are almost the same. */
export interface NearDuplicate {
  /** The two row numbers, the smaller one first. */
  rows: [number, number]
  /** The cosine of the angle between the standardized rows, at most 1. */
  similarity: number
}

/** The near-duplicates among some rows. */
export interface NearDuplicates {
  /** The pairs, the most alike first. */
  pairs: NearDuplicate[]
  /**
   * A number for each row, the same for rows that are connected by pairs: the number of the first of them. Made for
   * the option `groups` of `trainTestSplit` and of cross-validation.
   */
  groups: Int32Array
}

/** Options of `nearDuplicates`. */
export interface NearDuplicatesOptions extends LongCall {
  /**
   * The least similarity of a pair, above 0 and at most 1: the cosine of the angle between standardized rows. Default
   * 0.98, which copies of a photo that were compressed anew or resized exceed, and other photos of the same kind do not.
   */
  similarity?: number | undefined
}

/** The coordinates after which a distance is compared with the greatest one that is allowed. */
const STEP = 8

/**
 * Finds rows that are almost the same, such as the features of copies of a picture.
 *
 * All pairs are compared, exactly: the squared distance of two standardized rows of unit length grows with each
 * coordinate, and most pairs exceed the limit after a few coordinates.
 *
 * @param X samples x features, unscaled
 * @param o.onProgress counts rows
 * @throws {SoftmarginError} `EMPTY_INPUT`, `NOT_FINITE`, `SHAPE_MISMATCH`, `INVALID_ARGUMENT`, `ABORTED`
 */
export async function nearDuplicates(
  X: MatrixLike,
  { similarity = 0.98, signal, onProgress }: NearDuplicatesOptions = {},
): Promise<NearDuplicates> {
  checkSimilarity(similarity)
  const matrix = Matrix.from(X)
  checkNotEmpty(matrix)
  checkFiniteRows(matrix, 0, matrix.rows)
  const timeSlice = new TimeSlice(signal)
  const { data, rows, cols } = await new Normalizer().transform(
    await (await new StandardScaler().fit(matrix)).transform(matrix),
  )
  // Unit vectors with a cosine of s have a squared distance of 2 - 2 s.
  const limit = 2 - 2 * similarity + 1e-6
  const pairs: NearDuplicate[] = []
  const groups = Int32Array.from({ length: rows }, (_, row) => row)
  for (let i = 0; i < rows; i++) {
    const own = data.subarray(i * cols, (i + 1) * cols)
    for (let j = i + 1; j < rows; j++) {
      const square = squaredDistance(own, data, j * cols, limit)
      if (square > limit) continue
      pairs.push({ rows: [i, j], similarity: Math.min(1, 1 - square / 2) })
      connect(groups, i, j)
    }
    if (timeSlice.expired) {
      await timeSlice.yield()
      onProgress?.({ done: i + 1, total: rows })
    }
  }
  onProgress?.({ done: rows, total: rows })
  pairs.sort((a, b) => b.similarity - a.similarity || a.rows[0] - b.rows[0] || a.rows[1] - b.rows[1])
  return { pairs, groups: groups.map((_, row) => firstOf(groups, row)) }
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` */
export function checkSimilarity(similarity: unknown): void {
  if (typeof similarity === 'number' && similarity > 0 && similarity <= 1) return
  throw invalidArgument('similarity', similarity, 'a number above 0 and at most 1')
}

/** The squared distance of a row from another one; anything above `limit` may be too small. */
function squaredDistance(row: Float32Array, data: Float32Array, at: number, limit: number): number {
  let square = 0
  for (let from = 0; from < row.length && square <= limit; from += STEP) {
    const to = Math.min(row.length, from + STEP)
    for (let f = from; f < to; f++) {
      const difference = row[f] - data[at + f]
      square += difference * difference
    }
  }
  return square
}

/** The first row of a row's group; the path to it is shortened. */
function firstOf(groups: Int32Array, row: number): number {
  let first = row
  while (groups[first] !== first) first = groups[first]
  groups[row] = first
  return first
}

function connect(groups: Int32Array, a: number, b: number): void {
  const [first, second] = [firstOf(groups, a), firstOf(groups, b)]
  groups[Math.max(first, second)] = Math.min(first, second)
}
