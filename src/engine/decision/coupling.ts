import type { Sigmoids } from './platt.ts'
import { sigmoid } from './platt.ts'

/** No pair is surer than this, as in LIBSVM. */
const LEAST = 1e-7

/**
 * The probability of each class of each row, from decision values of all pairs.
 *
 * Two classes: the sigmoid's own. More: T.-F. Wu, C.-J. Lin, R. C. Weng, "Probability estimates for multi-class
 * classification by pairwise coupling", JMLR 5 (2004), second method, as LIBSVM's `multiclass_probability`.
 *
 * @param decisions rows x pairs
 * @param tieOrder the class numbers in the order of the file that the machine came from, if that is another one:
 *   LIBSVM ends the search early, so that its answer depends on the order
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
        const p = Math.min(Math.max(sigmoid(decisions[at++], a[pair], b[pair]), LEAST), 1 - LEAST)
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
 * The p that minimises the sum over i, j of (r_ji p_i - r_ij p_j)^2, with sum(p) = 1.
 *
 * @param r classes x classes: how probable i is of the two
 * @param order in which the p are improved
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
      const own = q[t * classes + t]
      const difference = (square - products[t]) / own
      p[t] += difference
      const sum = 1 + difference
      square = (square + difference * (difference * own + 2 * products[t])) / sum / sum
      for (let j = 0; j < classes; j++) {
        products[j] = (products[j] + difference * q[t * classes + j]) / sum
        p[j] /= sum
      }
    }
  }
  return p
}
