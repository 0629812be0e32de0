// Multi-class probabilities by pairwise coupling.

import type { Sigmoids } from './platt.ts'
import { sigmoid } from './platt.ts'

/** Pairwise probabilities are clipped to [MIN_PROBABILITY, 1 - MIN_PROBABILITY], as in LIBSVM. */
const MIN_PROBABILITY = 1e-7

/**
 * Class probabilities of each row, from the decision values of all pairs.
 *
 * With two classes they are the value of the sigmoid. With more, pairwise coupling after T.-F. Wu, C.-J. Lin,
 * R. C. Weng, "Probability estimates for multi-class classification by pairwise coupling", JMLR 5 (2004), second
 * method, as in LIBSVM's `multiclass_probability`.
 *
 * @param decisions rows x pairs
 * @param tieOrder class indices in the order of the file from which the model was imported, if it differs: LIBSVM stops
 *   the iteration early, so its result depends on the order
 * @returns rows x classes; each row sums to 1
 */
export function coupleProbabilities(
  decisions: Float64Array,
  classes: number,
  { a, b }: Sigmoids,
  tieOrder?: Int32Array,
): Float32Array {
  const order = tieOrder ?? Int32Array.from({ length: classes }, (_, c) => c)
  const pairs = a.length
  const rows = decisions.length / pairs
  const out = new Float32Array(rows * classes)
  const pairwise = new Float64Array(classes * classes)
  for (let row = 0, at = 0; row < rows; row++) {
    for (let i = 0, pair = 0; i < classes; i++) {
      for (let j = i + 1; j < classes; j++, pair++) {
        const p = Math.min(
          Math.max(sigmoid(decisions[at++], a[pair], b[pair]), MIN_PROBABILITY),
          1 - MIN_PROBABILITY,
        )
        pairwise[i * classes + j] = p
        pairwise[j * classes + i] = 1 - p
      }
    }
    if (classes === 2) out.set([pairwise[1], pairwise[2]], row * 2)
    else out.set(couple(pairwise, order), row * classes)
  }
  return out
}

/**
 * The p that minimises the sum over i, j of (r_ji p_i - r_ij p_j)^2 subject to sum(p) = 1, by coordinate descent.
 *
 * @param r classes x classes: r_ij is the probability of class i given that the class is i or j
 * @param order order in which the elements of p are updated
 */
function couple(r: Float64Array, order: Int32Array): Float64Array {
  const classes = order.length
  const q = new Float64Array(classes * classes)
  for (let t = 0; t < classes; t++) {
    for (let j = 0; j < classes; j++) {
      if (j === t) continue
      q[t * classes + t] += r[j * classes + t] * r[j * classes + t]
      q[t * classes + j] = -r[j * classes + t] * r[t * classes + j]
    }
  }
  const p = new Float64Array(classes).fill(1 / classes)
  const products = new Float64Array(classes)
  const enough = 0.005 / classes
  const turns = Math.max(100, classes)
  for (let turn = 0; turn < turns; turn++) {
    let square = 0
    for (let t = 0; t < classes; t++) {
      products[t] = 0
      for (let j = 0; j < classes; j++) products[t] += q[t * classes + j] * p[j]
      square += p[t] * products[t]
    }
    if (products.every((product) => Math.abs(product - square) < enough)) break
    for (const t of order) {
      const diagonal = q[t * classes + t]
      const difference = (square - products[t]) / diagonal
      p[t] += difference
      const sum = 1 + difference
      square = (square + difference * (difference * diagonal + 2 * products[t])) / sum / sum
      for (let j = 0; j < classes; j++) {
        products[j] = (products[j] + difference * q[t * classes + j]) / sum
        p[j] /= sum
      }
    }
  }
  return p
}
