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

/** Returns the rows of several matrices in one. All must have the same number of columns. */
export function joinRows(parts: readonly Matrix[]): Matrix {
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0))
  let at = 0
  for (const part of parts) {
    data.set(part.data, at)
    at += part.data.length
  }
  const rows = parts.reduce((sum, part) => sum + part.rows, 0)
  return new Matrix(data, rows, parts[0]?.cols ?? 0)
}
