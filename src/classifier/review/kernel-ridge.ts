import { exp } from '../../core/exp-log.ts'
import type { Matrix } from '../../core/matrix.ts'
import type { TimeSlice } from '../../engine/wasm/time-slice.ts'

/** Targets and parameters of `kernelRidge`. */
export interface KernelRidgeTask {
  /** The class of each row, -1 for rows of none. */
  codes: Int32Array
  /** Number of classes. */
  count: number
  /** What is added to the diagonal for a row of mean weight, above 0. */
  ridge: number
}

/**
 * Kernel ridge regression, one for each class: on 1 for the class's rows and -1 for all others, where the rows of each
 * class, and those of none, have the same weight in sum. The kernel is exp(-|x - y|^2 / meanSquare).
 *
 * @returns `coefficients`, rows x classes: the values at x are the sums of these times the kernel values between the rows
 *   and x; and `meanSquare`, the mean squared distance between rows
 * @throws {SoftmarginError} `ABORTED`
 */
export async function kernelRidge(
  rows: Matrix,
  { codes, count, ridge }: KernelRidgeTask,
  timeSlice: TimeSlice,
): Promise<{ coefficients: Float32Array; meanSquare: number }> {
  const size = rows.rows
  const { squares, meanSquare } = await squaredDistances(rows, timeSlice)
  const sizes = new Float64Array(count + 1)
  for (const code of codes) sizes[code + 1]++
  const groups = sizes.filter((own) => own > 0).length
  const system = squares
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < i; j++) system[i * size + j] = exp(-system[i * size + j] / meanSquare)
    const weight = size / groups / sizes[codes[i] + 1]
    system[i * size + i] = 1 + ridge / weight
    if (timeSlice.expired) await timeSlice.yield()
  }
  await factorize(system, size, timeSlice)
  const coefficients = new Float32Array(size * count)
  const column = new Float64Array(size)
  for (let c = 0; c < count; c++) {
    for (let i = 0; i < size; i++) column[i] = codes[i] === c ? 1 : -1
    solve(system, column)
    for (let i = 0; i < size; i++) coefficients[i * count + c] = column[i]
    if (timeSlice.expired) await timeSlice.yield()
  }
  return { coefficients, meanSquare }
}

/** The squared distances below the diagonal of a square matrix of rows x rows, and their mean over all pairs. */
async function squaredDistances({ data, rows, cols }: Matrix, timeSlice: TimeSlice) {
  const squares = new Float64Array(rows * rows)
  let sum = 0
  for (let i = 0; i < rows; i++) {
    const own = data.subarray(i * cols, (i + 1) * cols)
    for (let j = 0; j < i; j++) {
      let square = 0
      for (let f = 0, at = j * cols; f < cols; f++, at++) {
        const difference = own[f] - data[at]
        square += difference * difference
      }
      squares[i * rows + j] = square
      sum += 2 * square
    }
    if (timeSlice.expired) await timeSlice.yield()
  }
  return { squares, meanSquare: sum / rows / rows || 1 }
}

/** Cholesky: replaces the lower triangle of a positive definite matrix by that of its factor. */
async function factorize(matrix: Float64Array, size: number, timeSlice: TimeSlice): Promise<void> {
  for (let i = 0; i < size; i++) {
    const row = matrix.subarray(i * size, i * size + i + 1)
    for (let j = 0; j <= i; j++) {
      const other = matrix.subarray(j * size, j * size + j + 1)
      let sum = row[j]
      for (let k = 0; k < j; k++) sum -= row[k] * other[k]
      row[j] = i === j ? Math.sqrt(sum) : sum / other[j]
    }
    if (timeSlice.expired) await timeSlice.yield()
  }
}

/** Replaces the right side of a system by its solution, from the factor that `factorize` found. */
function solve(factor: Float64Array, side: Float64Array): void {
  const size = side.length
  for (let i = 0; i < size; i++) {
    let sum = side[i]
    for (let k = 0; k < i; k++) sum -= factor[i * size + k] * side[k]
    side[i] = sum / factor[i * size + i]
  }
  for (let i = size - 1; i >= 0; i--) {
    const value = side[i] / factor[i * size + i]
    side[i] = value
    for (let k = 0; k < i; k++) side[k] -= factor[i * size + k] * value
  }
}
