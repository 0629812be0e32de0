import type { Matrix } from '../../core/matrix.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { coefficientRow } from '../kernel/pairs.ts'

/**
 * The kernel expansions of all pairs of classes, with shared support vectors: f_p(x) = sum over s of
 * coefficients[p][s] K(s, x) + intercept[p].
 */
export interface Expansion {
  kernel: Kernel
  /** Support vectors x features, grouped by class. */
  supportVectors: Matrix
  /** Number of support vectors of each class. */
  nSupport: ArrayLike<number>
  /**
   * LIBSVM's layout, (classes - 1) x support vectors: for the pair of classes i < j, row j - 1 holds the coefficients
   * of the vectors of class i, and row i those of class j.
   */
  dualCoef: Float64Array
  /** One per pair of classes: (0, 1), (0, 2), ..., (1, 2), ... */
  intercept: Float64Array
}

/** Visits the non-zero coefficients of the pair (i, j), in the order of their support vectors. */
export function forEachCoefficient(
  { nSupport, dualCoef }: Pick<Expansion, 'nSupport' | 'dualCoef'>,
  [i, j]: [number, number],
  visit: (coefficient: number, supportVector: number) => void,
): void {
  const vectors = dualCoef.length / (nSupport.length - 1)
  for (let c = 0, start = 0; c < nSupport.length; start += nSupport[c++]) {
    if (c !== i && c !== j) continue
    const line = coefficientRow(c, c === i ? j : i)
    for (let s = start; s < start + nSupport[c]; s++) {
      const coefficient = dualCoef[line * vectors + s]
      if (coefficient !== 0) visit(coefficient, s)
    }
  }
}
