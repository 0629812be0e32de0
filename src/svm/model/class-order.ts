// Reorders the classes of a one-vs-one model, because files may store them in another order than ours.

import { Matrix } from '../../core/matrix.ts'
import type { Expansion } from '../../engine/decision/expansion.ts'
import type { Sigmoids } from '../../engine/decision/platt.ts'
import { coefficientRow, pairIndex } from '../../engine/kernel/pairs.ts'

/** The parts of a one-vs-one model that depend on the order of its classes. */
export interface OrderedModel extends Pick<Expansion, 'supportVectors' | 'dualCoef' | 'intercept'> {
  nSupport: Int32Array
  sigmoids?: Sigmoids | undefined
}

/**
 * Returns the same model with its classes in another order. Support vectors, coefficients and pairs are moved, and a
 * pair whose classes swap places changes its sign.
 *
 * @param order for each class of the new order, its present number
 */
export function reorderClasses(model: OrderedModel, order: ArrayLike<number>): OrderedModel {
  const classes = order.length
  const { cols, rows } = model.supportVectors
  const starts: number[] = []
  for (let c = 0, at = 0; c < classes; at += model.nSupport[c++]) starts.push(at)

  const vectors = new Matrix(new Float32Array(rows * cols), rows, cols)
  const dualCoef = new Float64Array(model.dualCoef.length)
  const nSupport = Int32Array.from(order, (c) => model.nSupport[c])
  for (let c = 0, at = 0; c < classes; at += nSupport[c++]) {
    const old = starts[order[c]]
    vectors.data.set(model.supportVectors.data.subarray(old * cols, (old + nSupport[c]) * cols), at * cols)
    for (let other = 0; other < classes; other++) {
      if (other === c) continue
      const from = coefficientRow(order[c], order[other]) * rows + old
      const to = coefficientRow(c, other) * rows + at
      const sign = c < other === order[c] < order[other] ? 1 : -1
      // Adding 0 turns -0 into 0, so that reordering back and forth restores the same bits.
      for (let s = 0; s < nSupport[c]; s++) dualCoef[to + s] = sign * model.dualCoef[from + s] + 0
    }
  }

  const intercept = new Float64Array(model.intercept.length)
  const { sigmoids } = model
  const moved = sigmoids && { a: sigmoids.a.slice(), b: sigmoids.b.slice() }
  for (let i = 0, pair = 0; i < classes; i++) {
    for (let j = i + 1; j < classes; j++, pair++) {
      const flipped = order[i] > order[j]
      const sign = flipped ? -1 : 1
      const [first, second] = flipped ? [order[j], order[i]] : [order[i], order[j]]
      const old = pairIndex(first, second, classes)
      intercept[pair] = sign * model.intercept[old] + 0
      if (sigmoids && moved) {
        // 1 - 1 / (1 + exp(a f + b)) = 1 / (1 + exp(a (-f) - b))
        moved.a[pair] = sigmoids.a[old]
        moved.b[pair] = sign * sigmoids.b[old] + 0
      }
    }
  }
  return { supportVectors: vectors, nSupport, dualCoef, intercept, sigmoids: moved }
}

/** Returns the inverse permutation: the new position of each class. */
export function inverseOrder(order: ArrayLike<number>): Int32Array {
  const inverse = new Int32Array(order.length)
  for (let i = 0; i < order.length; i++) inverse[order[i]] = i
  return inverse
}
