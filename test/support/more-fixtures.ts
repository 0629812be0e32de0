import { Matrix } from '../../src/core/matrix.ts'
import more from '../fixtures/svm/more.json' with { type: 'json' }

/** The results recorded by test/fixtures/svm/make_more.py. */
export const fixtures = more

/** Restores a matrix from the fixtures. */
export function toMatrix({ rows, cols, data }: { rows: number; cols: number; data: number[] }): Matrix {
  return new Matrix(Float32Array.from(data), rows, cols)
}

/** The largest difference between two lists of the same length. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.NaN
  let most = 0
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]))
  return most
}
