import type { Matrix } from '../../src/core/matrix.ts'
import type { SvmKernel } from '../../src/engine/kernel/kernel.ts'
import type { SvcOptions } from '../../src/svm/svc.ts'

/** The parts of a fitted SVC that the objective depends on. */
export interface Fitted {
  /** `[nClasses - 1, nSupport]`, LIBSVM's layout. */
  dualCoef: Matrix
  /** Sorted by class. */
  supportVectors: Matrix
  nSupport: ArrayLike<number>
}

/**
 * The dual objective of each class pair, `0.5 * sum(a_i a_j y_i y_j K_ij) - sum(a_i)`, in float64.
 *
 * @param gamma the value of the option `gamma`
 */
export function dualObjectives(fitted: Fitted, options: SvcOptions, gamma: number): number[] {
  const { dualCoef, supportVectors, nSupport } = fitted
  const kernel = kernelMatrix(supportVectors, options, gamma)
  const starts = [0]
  for (let k = 0; k < nSupport.length; k++) starts.push(starts[k] + nSupport[k])
  const objectives: number[] = []
  for (let i = 0; i < nSupport.length; i++) {
    for (let j = i + 1; j < nSupport.length; j++) {
      // Vectors of class i have their coefficient against class j in row j - 1, those of class j in row i.
      const terms: { at: number; coef: number }[] = []
      for (let at = starts[i]; at < starts[i + 1]; at++) terms.push({ at, coef: dualCoef.row(j - 1)[at] })
      for (let at = starts[j]; at < starts[j + 1]; at++) terms.push({ at, coef: dualCoef.row(i)[at] })
      const used = terms.filter(({ coef }) => coef !== 0)
      let objective = 0
      for (const a of used) {
        for (const b of used) objective += 0.5 * a.coef * b.coef * kernel[a.at][b.at]
        objective -= Math.abs(a.coef)
      }
      objectives.push(objective)
    }
  }
  return objectives
}

/** 1/2 b'Kb of one expansion, in float64. */
export function dualObjective(vectors: Matrix, b: Float64Array, svmKernel: SvmKernel): number {
  if (svmKernel.kind === 'precomputed') throw new Error('an objective needs vectors')
  const { kind, gamma, degree, coef0 } = svmKernel
  const kernel = kernelMatrix(vectors, { kernel: kind, degree, coef0 }, gamma)
  let objective = 0
  for (let i = 0; i < b.length; i++) {
    for (let j = 0; j < b.length; j++) objective += 0.5 * b[i] * b[j] * kernel[i][j]
  }
  return objective
}

function kernelMatrix(
  vectors: Matrix,
  { kernel, degree = 3, coef0 = 0 }: SvcOptions,
  gamma: number,
): Float64Array[] {
  const { rows, cols, data } = vectors
  const matrix = Array.from({ length: rows }, () => new Float64Array(rows))
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j <= i; j++) {
      let dot = 0
      let distance = 0
      for (let k = 0; k < cols; k++) {
        const a = data[i * cols + k]
        const b = data[j * cols + k]
        dot += a * b
        distance += (a - b) * (a - b)
      }
      if (kernel === 'linear') matrix[i][j] = dot
      else if (kernel === 'poly') matrix[i][j] = (gamma * dot + coef0) ** degree
      else if (kernel === 'sigmoid') matrix[i][j] = Math.tanh(gamma * dot + coef0)
      else matrix[i][j] = Math.exp(-gamma * distance)
      matrix[j][i] = matrix[i][j]
    }
  }
  return matrix
}
