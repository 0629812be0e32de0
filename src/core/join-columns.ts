import { Matrix } from './matrix.ts'

/** Matrices side by side. @param matrices at least one, with the same number of rows */
export function joinColumns(matrices: readonly Matrix[]): Matrix {
  const cols = matrices.reduce((sum, matrix) => sum + matrix.cols, 0)
  const [{ rows }] = matrices
  const data = new Float32Array(rows * cols)
  let at = 0
  for (const matrix of matrices) {
    for (let row = 0; row < rows; row++) data.set(matrix.row(row), row * cols + at)
    at += matrix.cols
  }
  return new Matrix(data, rows, cols)
}
