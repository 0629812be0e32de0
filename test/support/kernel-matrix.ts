import type { Matrix } from '../../src/core/matrix.ts'
import type { SvmKernel } from '../../src/engine/kernel/kernel.ts'

/**
 * Kernel values in float64, and for each the magnitude of the terms that it is computed from: the possible error of a
 * float32 computation, in units of its roundoff.
 */
export function kernelMatrix(
  a: Matrix,
  b: Matrix,
  kernel: SvmKernel,
): { values: Float64Array[]; sizes: Float64Array[] } {
  if (kernel.kind === 'precomputed') throw new Error('values are computed from rows')
  const { kind, gamma, coef0, degree } = kernel
  const values: Float64Array[] = []
  const sizes: Float64Array[] = []
  for (let i = 0; i < a.rows; i++) {
    const row = new Float64Array(b.rows)
    const size = new Float64Array(b.rows)
    for (let j = 0; j < b.rows; j++) {
      let dot = 0
      let distance = 0
      // The sum of |x_k z_k|: rounding errors are relative to the terms, not to their sum.
      let terms = 0
      for (let k = 0; k < a.cols; k++) {
        const [x, z] = [a.data[i * a.cols + k], b.data[j * b.cols + k]]
        dot += x * z
        distance += (x - z) * (x - z)
        terms += Math.abs(x * z) + (x * x + z * z) / 2
      }
      const base = gamma * dot + coef0
      if (kind === 'linear') row[j] = dot
      else if (kind === 'poly') row[j] = base ** degree
      else if (kind === 'sigmoid') row[j] = Math.tanh(base)
      else row[j] = Math.exp(-gamma * distance)
      const argument = (kind === 'linear' ? 1 : gamma) * terms + (kind === 'rbf' ? 0 : Math.abs(coef0))
      if (kind === 'linear') size[j] = 4 * argument
      else if (kind === 'poly') size[j] = 4 * degree * argument ** degree
      else if (kind === 'sigmoid') size[j] = 4 * (1 + argument)
      else size[j] = 4 * (1 + row[j] * 2 * argument)
    }
    values.push(row)
    sizes.push(size)
  }
  return { values, sizes }
}
