/** A row times an upper triangular matrix. */
export function timesUpper(row: Float64Array, matrix: Float32Array): Float64Array {
  const size = row.length
  const product = new Float64Array(size)
  for (let f = 0; f < size; f++) {
    for (let g = f, at = f * size + f; g < size; g++, at++) product[g] += row[f] * matrix[at]
  }
  return product
}
