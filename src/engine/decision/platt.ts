// Platt scaling: probabilities from decision values of one pair of classes.

import { exp, log } from '../../core/exp-log.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'

/** Maximum number of Newton steps, as in LIBSVM. */
const MAX_STEPS = 100
/** The search ends when both components of the gradient are smaller than this. */
const GRADIENT_TOLERANCE = 1e-5
/** Minimum step length of the line search. */
const MIN_LENGTH = 1e-10
/** A step is accepted if the loss falls by at least this share of what the slope promises (Armijo's condition). */
const SUFFICIENT_DECREASE = 1e-4
/** Added to the diagonal of the Hessian to make it positive definite. */
const RIDGE = 1e-12

/**
 * Parameters of Platt's sigmoids, one per pair of classes (LIBSVM's probA and probB): for a decision value f, the first
 * class of the pair has probability 1 / (1 + exp(a f + b)).
 */
export interface Sigmoids {
  a: Float64Array
  b: Float64Array
}

/** The probability of the first class of a pair, 1 / (1 + exp(a f + b)), computed without overflow. */
export function sigmoid(f: number, a: number, b: number): number {
  const x = f * a + b
  if (x < 0) return 1 / (1 + exp(x))
  const e = exp(-x)
  return e / (1 + e)
}

/**
 * Fits Platt scaling for one pair of classes: finds the a and b that minimise the cross-entropy with Platt's
 * regularised targets.
 *
 * H.-T. Lin, C.-J. Lin, R. C. Weng, "A note on Platt's probabilistic outputs for support vector machines",
 * Machine Learning 68 (2007): Newton's method with backtracking, as in LIBSVM's `sigmoid_train`.
 *
 * @param decisions decision values of rows that the model was not trained on (from cross-validation); those of the
 *   first class come first
 * @param firstCount number of rows of the first class
 * @throws {SoftmarginError} `ABORTED`
 */
export async function fitSigmoid(
  decisions: Float64Array,
  firstCount: number,
  timeSlice: TimeSlice,
): Promise<{ a: number; b: number }> {
  const secondCount = decisions.length - firstCount
  // Targets instead of 1 and 0 that avoid overfitting small samples.
  const high = (firstCount + 1) / (firstCount + 2)
  const low = 1 / (secondCount + 2)
  const target = (i: number) => (i < firstCount ? high : low)
  const loss = (a: number, b: number) => {
    let sum = 0
    for (let i = 0; i < decisions.length; i++) {
      const x = decisions[i] * a + b
      sum += x >= 0 ? target(i) * x + log(1 + exp(-x)) : (target(i) - 1) * x + log(1 + exp(x))
    }
    return sum
  }
  let a = 0
  let b = log((secondCount + 1) / (firstCount + 1))
  let lowest = loss(a, b)
  for (let step = 0; step < MAX_STEPS; step++) {
    if (timeSlice.expired) await timeSlice.yield()
    const { gradient, hessian } = derivatives(decisions, target, a, b)
    if (Math.abs(gradient[0]) < GRADIENT_TOLERANCE && Math.abs(gradient[1]) < GRADIENT_TOLERANCE) break
    const determinant = hessian[0] * hessian[2] - hessian[1] * hessian[1]
    const da = -(hessian[2] * gradient[0] - hessian[1] * gradient[1]) / determinant
    const db = -(hessian[0] * gradient[1] - hessian[1] * gradient[0]) / determinant
    const slope = gradient[0] * da + gradient[1] * db
    let length = 1
    for (; length >= MIN_LENGTH; length /= 2) {
      const newLoss = loss(a + length * da, b + length * db)
      if (newLoss < lowest + SUFFICIENT_DECREASE * length * slope) {
        a += length * da
        b += length * db
        lowest = newLoss
        break
      }
    }
    if (length < MIN_LENGTH) break
  }
  return { a, b }
}

/** Derivatives of the loss with respect to a and b: the gradient, and (a, a), (a, b), (b, b) of the Hessian. */
function derivatives(decisions: Float64Array, target: (i: number) => number, a: number, b: number) {
  const gradient = [0, 0]
  const hessian = [RIDGE, 0, RIDGE]
  for (let i = 0; i < decisions.length; i++) {
    const f = decisions[i]
    const p = sigmoid(f, a, b)
    const curvature = p * sigmoid(-f, a, -b)
    hessian[0] += f * f * curvature
    hessian[1] += f * curvature
    hessian[2] += curvature
    const residual = target(i) - p
    gradient[0] += f * residual
    gradient[1] += residual
  }
  return { gradient, hessian }
}
