import { expect, test } from 'vitest'
import { isIndefinite } from './indefinite.ts'

const matrix = (rows: number[][]) => rows.map((row) => Float64Array.from(row))

test('a matrix is indefinite only if a step with sum 0 has negative curvature', () => {
  const points = [0, 1, 3, 4.5]
  // A function of only one of the rows does not matter for such steps: here it is -1e3 everywhere.
  expect(isIndefinite(matrix(points.map((x) => points.map((z) => x * z - 1e3))))).toBe(false)
  expect(isIndefinite(matrix(points.map((x) => points.map((z) => -x * z))))).toBe(true)
  expect(isIndefinite(matrix(points.map((x) => points.map((z) => Math.exp(-((x - z) ** 2))))))).toBe(false)
  expect(isIndefinite(matrix(points.map((x) => points.map((z) => Math.tanh(x * z + 1)))))).toBe(true)
  // Zero on the diagonal, but not beside it.
  expect(
    isIndefinite(
      matrix([
        [0, 0, 0],
        [0, 0, 1],
        [0, 1, 0],
      ]),
    ),
  ).toBe(true)
})
