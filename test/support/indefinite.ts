/** The rounding error of a kernel value, relative to the largest. */
const ROUNDING = 1e-9

/**
 * Whether a kernel matrix is indefinite on the vectors whose sum is 0, which are the steps that a dual problem allows.
 * Then the problem is not convex.
 *
 * A positive semidefinite matrix stays positive semidefinite when a row is eliminated, so no element of its diagonal
 * ever becomes negative, and no other element is larger than those of the diagonal.
 */
export function isIndefinite(K: Float64Array[]): boolean {
  const size = K.length
  const V = K.map((row, a) => row.map((value, b) => value - K[a][0] - K[0][b] + K[0][0]))
  const largest = V.reduce((most, row) => row.reduce((m, value) => Math.max(m, Math.abs(value)), most), 0)
  const little = ROUNDING * largest
  const left = new Set(V.keys())
  while (left.size > 0) {
    let pivot = -1
    for (const k of left) {
      if (V[k][k] < -little) return true
      if (pivot < 0 || V[k][k] > V[pivot][pivot]) pivot = k
    }
    if (V[pivot][pivot] <= little) {
      return [...left].some((a) => [...left].some((b) => Math.abs(V[a][b]) > 2 * little))
    }
    left.delete(pivot)
    for (const a of left) {
      const share = V[a][pivot] / V[pivot][pivot]
      for (let b = 0; b < size; b++) V[a][b] -= share * V[pivot][b]
    }
  }
  return false
}
