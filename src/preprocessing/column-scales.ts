import type { Matrix } from '../core/matrix.ts'

/** The mean of each column. */
export function columnMeans({ data, rows, cols }: Matrix): Float64Array {
  const sums = new Float64Array(cols)
  for (let i = 0, at = 0; i < rows; i++) for (let j = 0; j < cols; j++, at++) sums[j] += data[at]
  return sums.map((sum) => sum / rows)
}

/** The standard deviation of each column, or 1 if the column is constant. */
export function columnScales({ data, rows, cols }: Matrix, mean: Float64Array): Float64Array {
  const squares = new Float64Array(cols)
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, at++) squares[j] += square(data[at] - mean[j])
  }
  return squares.map((sum, j) => {
    const variance = sum / rows
    // As in scikit-learn: a variance that rounding of the mean alone can cause counts as 0.
    const rounding = rows * Number.EPSILON * variance + square(rows * mean[j] * Number.EPSILON)
    return variance <= rounding ? 1 : Math.sqrt(variance)
  })
}

function square(x: number): number {
  return x * x
}
