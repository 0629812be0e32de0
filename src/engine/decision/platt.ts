// Platt scaling: probabilities from decision values of one pair of classes.

import { exp, log } from '../../core/exp-log.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'

/** Maximum number of Newton steps, as in LIBSVM. */
const STEPS = 100
/** The search ends when both components of the gradient are smaller than this. */
const ENOUGH = 1e-5
/** Minimum step length of the line search. */
const SHORTEST = 1e-10
/** Added to the diagonal of the Hessian to make it positive definite. */
const SIGMA = 1e-12

/** The probability of the first class of a pair, 1 / (1 + exp(a f + b)), computed without overflow. */
export function sigmoid(f: number, a: number, b: number): number {
  const x = f * a + b
  if (x < 0) return 1 / (1 + exp(x))
  const e = exp(-x)
  return e / (1 + e)
}

/**
 * Platt scaling for one pair of classes: the a and b that maximise the likelihood of the labels.
 *
 * H.-T. Lin, C.-J. Lin, R. C. Weng, "A note on Platt's probabilistic outputs for support vector machines",
 * Machine Learning 68 (2007): Newton's method with backtracking, as in LIBSVM's `sigmoid_train`.
 *
 * @param decisions decision values of rows that the model was not trained on (from cross-validation); those of the
 *   first class come first
 * @param firsts number of rows of the first class
 * @throws {SoftmarginError} `ABORTED`
 */
export async function fitSigmoid(
  decisions: Float64Array,
  firsts: number,
  timeSlice: TimeSlice,
): Promise<{ a: number; b: number }> {
  const seconds = decisions.length - firsts
  // Platt's regularised targets instead of 1 and 0, to avoid overfitting small samples.
  const high = (firsts + 1) / (firsts + 2)
  const low = 1 / (seconds + 2)
  const target = (i: number) => (i < firsts ? high : low)
  const loss = (a: number, b: number) => {
    let sum = 0
    for (let i = 0; i < decisions.length; i++) {
      const x = decisions[i] * a + b
      sum += x >= 0 ? target(i) * x + log(1 + exp(-x)) : (target(i) - 1) * x + log(1 + exp(x))
    }
    return sum
  }
  let a = 0
  let b = log((seconds + 1) / (firsts + 1))
  let least = loss(a, b)
  for (let step = 0; step < STEPS; step++) {
    if (timeSlice.expired) await timeSlice.yield()
    const { gradient, hessian } = derivatives(decisions, target, a, b)
    if (Math.abs(gradient[0]) < ENOUGH && Math.abs(gradient[1]) < ENOUGH) break
    const determinant = hessian[0] * hessian[2] - hessian[1] * hessian[1]
    const da = -(hessian[2] * gradient[0] - hessian[1] * gradient[1]) / determinant
    const db = -(hessian[0] * gradient[1] - hessian[1] * gradient[0]) / determinant
    const slope = gradient[0] * da + gradient[1] * db
    let length = 1
    for (; length >= SHORTEST; length /= 2) {
      const reached = loss(a + length * da, b + length * db)
      if (reached < least + 1e-4 * length * slope) {
        a += length * da
        b += length * db
        least = reached
        break
      }
    }
    if (length < SHORTEST) break
  }
  return { a, b }
}

/** Derivatives of the loss with respect to a and b: the gradient, and (a, a), (a, b), (b, b) of the Hessian. */
function derivatives(decisions: Float64Array, target: (i: number) => number, a: number, b: number) {
  const gradient = [0, 0]
  const hessian = [SIGMA, 0, SIGMA]
  for (let i = 0; i < decisions.length; i++) {
    const f = decisions[i]
    const p = sigmoid(f, a, b)
    const curvature = p * sigmoid(-f, a, -b)
    hessian[0] += f * f * curvature
    hessian[1] += f * curvature
    hessian[2] += curvature
    const rest = target(i) - p
    gradient[0] += f * rest
    gradient[1] += rest
  }
  return { gradient, hessian }
}

/**
 * Parameters of Platt's sigmoids, one per pair of classes (LIBSVM's probA and probB): for a decision value f, the first
 * class of the pair has probability 1 / (1 + exp(a f + b)).
 */
export interface Sigmoids {
  a: Float64Array
  b: Float64Array
}
